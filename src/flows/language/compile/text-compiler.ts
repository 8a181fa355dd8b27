/** Compiles the expressions, texts and values of one flow, each with the shapes of what it can see and its place in the file. */
import type { Field } from '@kassaflow/plugin-sdk';
import type { Expression, Place, ValueTemplate } from '../compiled-flow.ts';
import { Diagnostics } from '../diagnostic.ts';
import { both, compileCondition, compileExpression } from '../expressions/expression.ts';
import { fieldsOf, kindOfText, literalValue, propertyOf } from '../field-value.ts';
import { formula } from '../read/read-step.ts';
import type { Shape } from '../shape.ts';
import type { Text } from '../syntax.ts';
import { compileTemplate } from '../templates/template.ts';
import type { YamlNode } from '../yaml/node.ts';

export class TextCompiler {
  private constructor(
    /** By root name. */
    readonly shapes: Readonly<Record<string, Shape>>,
    readonly timeZone: string,
    private readonly positions: Diagnostics,
  ) {}

  static of(source: string, shapes: Readonly<Record<string, Shape>>, timeZone: string): TextCompiler {
    return new TextCompiler(shapes, timeZone, new Diagnostics(source));
  }

  /** The same, where more can be seen or a name means something else. */
  seeing(shapes: Readonly<Record<string, Shape>>): TextCompiler {
    return new TextCompiler({ ...this.shapes, ...shapes }, this.timeZone, this.positions);
  }

  place(offset: number): Place {
    return this.positions.position(offset);
  }

  /** `if` as is, `unless` negated, both together. */
  condition(positive: Text | undefined, negative?: Text): Expression | undefined {
    const [yes, no] = [
      positive && compileCondition(positive.text, this.shapes, { place: this.place(positive.at) }),
      negative && compileCondition(negative.text, this.shapes, { place: this.place(negative.at), negate: true }),
    ];
    return both(yes, no);
  }

  expression(text: Pick<Text, 'text' | 'at'>): Expression {
    return compileExpression(text.text, this.shapes, this.place(text.at));
  }

  /** A formula, a text with `{{ }}`, or the text itself. */
  text({ text, span, at }: Text): ValueTemplate {
    return this.value({ kind: 'scalar', text, quoted: true, span, at }, { type: 'string' }, '');
  }

  /** What stands under `with:`; nothing is an empty object. */
  object(node: YamlNode | undefined, schema?: Field): ValueTemplate {
    return node?.kind === 'map' ? this.value(node, schema ?? { type: 'object' }, '') : literal({});
  }

  /** @param name the key before the value: a text under `html` is escaped for HTML */
  value(node: YamlNode, field: Field | undefined, name: string): ValueTemplate {
    if (node.kind === 'list')
      return combined(
        node.items.map((item, index) => [String(index), this.value(item, field?.items, name)] as const),
        (values) => Object.values(values),
      );
    if (node.kind === 'map') {
      const known = fieldsOf(field) !== undefined || typeof field?.additionalProperties === 'object';
      return combined(
        node.entries.map(({ key, value }) => [key, this.value(value, known ? propertyOf(field, key) : undefined, key)] as const),
        (values) => values,
      );
    }
    const expression = formula(node);
    if (expression) return this.expression(expression);
    if (kindOfText(node) === 'template')
      return compileTemplate(node.text, { shapes: this.shapes, html: name === 'html', timeZone: this.timeZone });
    return literal(literalValue(node, field, name, () => undefined) ?? null);
  }
}

function literal(value: unknown): ValueTemplate {
  return { reads: new Set(), evaluate: () => value };
}

/** An object or list of values; one without anything to compute is computed once. */
function combined(
  parts: readonly (readonly [string, ValueTemplate])[],
  finish: (values: Record<string, unknown>) => unknown,
): ValueTemplate {
  const reads = new Set(parts.flatMap(([, part]) => [...part.reads]));
  const evaluate: ValueTemplate['evaluate'] = (scope) => {
    const values: Record<string, unknown> = {};
    for (const [name, part] of parts) values[name] = part.evaluate(scope);
    return finish(values);
  };
  return { reads, evaluate };
}
