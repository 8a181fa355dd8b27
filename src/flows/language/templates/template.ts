/** A text with `{{ }}`, compiled once and rendered with values from the scope. */
import type { Scope, ValueTemplate } from '../compiled-flow.ts';
import { newPath, ownField, type PathNode } from '../expressions/paths.ts';
import { ANY, fieldOf, objectShape, type Shape } from '../shape.ts';
import { addReadings, checkTemplate } from './check-template.ts';
import { compileHandlebars } from './handlebars.ts';

export interface TemplateSettings {
  /** Shapes by root name: absent fields get an empty value of their kind. */
  readonly shapes: Readonly<Record<string, Shape>>;
  /** Escape for HTML; a plain text (SMS, subject) is left as it is. */
  readonly html?: boolean;
  /** Zone of dates and times. */
  readonly timeZone: string;
}

/**
 * The language is the receiver's: `customer.locale` where the text or its step reads the customer, else the customer in the
 * event, else English.
 *
 * @throws template.* when the text is not a template; evaluation throws template.value, template.budget, template.output
 */
export function compileTemplate(source: string, { shapes, html = false, timeZone }: TemplateSettings): ValueTemplate {
  const { problems, readings } = checkTemplate(source, ANY, html);
  if (problems[0]) throw problems[0];
  const paths = newPath();
  addReadings(paths, readings);
  const render = compileHandlebars(source, html);
  const fill = filler(objectShape(shapes), paths);
  return {
    reads: new Set(paths.fields.keys()),
    evaluate: (scope) => render(fill(scope) as object, { language: languageOf(scope), timeZone }), // the filler of an object gives an object
  };
}

/** Tells whether a text has anything to fill in. */
export function isTemplate(text: string): boolean {
  return text.includes('{{');
}

function languageOf(scope: Scope): string {
  const locale = ownField(scope['customer'], 'locale') ?? ownField(ownField(scope['event'], 'customer'), 'locale');
  return typeof locale === 'string' && locale !== '' ? locale : 'en';
}

/** Copies what the text reads, own properties only, and gives what is absent an empty value, because strict mode refuses gaps. */
function filler(shape: Shape, path: PathNode): (value: unknown) => unknown {
  if (path.whole || path.fields.size === 0) return (value) => value ?? emptyOf(shape);
  const fields = [...path.fields].map(([name, inner]) => [name, filler(fieldOf(shape, name) ?? ANY, inner)] as const);
  return (value) => Object.fromEntries(fields.map(([name, fill]) => [name, fill(ownField(value, name))]));
}

function emptyOf(shape: Shape): unknown {
  switch (shape.kind) {
    case 'int':
    case 'number':
      return 0;
    case 'bool':
      return false;
    case 'list':
      return [];
    case 'object':
    case 'map':
      return {};
    default:
      return '';
  }
}
