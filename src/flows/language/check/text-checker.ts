/** Checks expressions and texts of one flow in their scope, and says where in the file something is wrong. */
import type { KassaflowError } from '../../../kernel/errors.ts';
import type { Diagnostics } from '../diagnostic.ts';
import type { Reading } from '../expressions/analysis.ts';
import { ExpressionTypes, type ExpressionReport } from '../expressions/check-expression.ts';
import { unknownField } from '../expressions/unknown-field.ts';
import type { TextProblem } from '../expressions/text-problem.ts';
import { rangeOf } from '../expressions/located.ts';
import { fieldOf, objectShape, type Shape } from '../shape.ts';
import type { Text } from '../syntax.ts';
import { checkTemplate, type TemplateReading } from '../templates/check-template.ts';

/** What a step can see. */
export interface Sight {
  /** Ids of steps that are done, or may be, when this step starts. */
  readonly steps: ReadonlySet<string>;
  /** Elements of the loops around it, by name. */
  readonly loops: Readonly<Record<string, Shape>>;
}

export const SEES_NOTHING: Sight = { steps: new Set(), loops: {} };

export class TextChecker {
  /** By the loops around a step, which are one object for all steps inside them. */
  readonly #types = new Map<Sight['loops'], ExpressionTypes>();
  readonly #withEvent = new Map<Shape, TextChecker>();

  readonly shapes: Readonly<Record<string, Shape>>;

  /** @param shared see {@link ExpressionTypes} */
  constructor(
    private readonly own: Readonly<Record<string, Shape>>,
    private readonly shared: Readonly<Record<string, Shape>>,
    readonly diagnostics: Diagnostics,
  ) {
    this.shapes = { ...shared, ...own };
  }

  /** The same, where `event` is another one than that which started the run. */
  withEvent(event: Shape): TextChecker {
    const known = this.#withEvent.get(event) ?? new TextChecker({ ...this.own, event }, this.shared, this.diagnostics);
    this.#withEvent.set(event, known);
    return known;
  }

  /** A condition: CEL that gives true or false. @returns what it reads */
  condition(text: Text | undefined, sight: Sight): readonly Reading[] {
    return text ? this.#check(text, sight, true).readings : [];
  }

  /** @returns CEL's name of the result's type, when nothing is wrong */
  expression(text: Text, sight: Sight): string | undefined {
    return this.#check(text, sight, false).type;
  }

  #check(text: Text, sight: Sight, condition: boolean): ExpressionReport {
    // An alias of YAML was reported as such; what it stands for is not known.
    if (/^[&*]/.test(text.text) && this.diagnostics.has(text.span)) return { problems: [], readings: [] };
    const report = this.#typesFor(sight).check(text.text, condition);
    for (const problem of report.problems) this.#report(problem, text);
    this.#visible(report.readings, text, sight);
    return report;
  }

  /** A text with `{{ }}`. */
  template(text: Text, sight: Sight, html: boolean): void {
    const roots = this.#typesFor(sight).roots;
    const { problems, readings } = checkTemplate(text.text, roots, html);
    for (const problem of problems) this.#report(templateProblem(problem, text.text, roots), text);
    this.#visible(readings, text, sight);
  }

  #typesFor({ loops }: Sight): ExpressionTypes {
    const known =
      this.#types.get(loops) ??
      new ExpressionTypes({ ...this.own, ...loops }, this.shared, { ...this.own, ...this.#readSteps(), ...loops });
    this.#types.set(loops, known);
    return known;
  }

  /** Of the steps only those whose results the file names: most results are never read. */
  #readSteps(): { steps?: Shape } {
    const { steps } = this.own;
    const { source } = this.diagnostics;
    if (steps?.kind !== 'object' || /\bsteps\s*\[/.test(source)) return {};
    const named = new Set(Array.from(source.matchAll(/\bsteps\s*\.\s*(\w+)/g), ([, name]) => name));
    return { steps: objectShape(Object.fromEntries(Object.entries(steps.fields).filter(([name]) => named.has(name)))) };
  }

  #visible(readings: readonly TemplateReading[], text: Text, { steps }: Sight): void {
    const known = this.shapes['steps'];
    for (const { names, start, end } of readings) {
      const [root, id] = names;
      if (root !== 'steps' || id === undefined || steps.has(id) || !known || !fieldOf(known, id)) continue;
      this.#report({ code: 'flow.later-step', start, end, facts: { name: id } }, text);
    }
  }

  #report({ code, start, end, facts, help }: TextProblem, { at, text, span }: Text): void {
    // A text over several lines was folded, so offsets inside it no longer fit: the whole is underlined.
    const exact = this.diagnostics.source.slice(at, at + text.length) === text;
    this.diagnostics.report(code, exact ? [at + start, at + Math.max(end, start + 1)] : span, facts, help);
  }
}

function templateProblem(error: KassaflowError, text: string, roots: Shape): TextProblem {
  const { start, end } = rangeOf(error) ?? { start: 0, end: text.length };
  const fact = (name: string) => (error.facts[name] === undefined ? undefined : String(error.facts[name]));
  const name = fact('name') ?? '';
  switch (error.code) {
    case 'template.unknown-field': {
      const owner = fact('of')?.split('.') ?? [];
      const shape = owner.reduce<Shape>((at, part) => fieldOf(at, part) ?? objectShape({}), roots);
      const at = Math.max(start, text.indexOf(name, start));
      return unknownField([...owner, name], owner.length, shape, at, at + name.length);
    }
    case 'template.helper':
      return {
        code: 'flow.template-helper',
        start,
        end,
        facts: { name },
        ...(fact('nearest') === undefined ? {} : { help: `did you mean ${fact('nearest')}?` }),
      };
    case 'template.object':
      return { code: 'flow.template-object', start, end, facts: { found: fact('found'), accepted: fact('accepted') } };
    case 'template.syntax':
      return { code: 'flow.template', start, end, ...(fact('accepted') === undefined ? {} : { help: `write ${fact('accepted')}` }) };
    default:
      return {
        code: 'flow.template-not-allowed',
        start,
        end,
        facts: { problem: `${error.spec.title}.` },
        ...(error.spec.help === undefined ? {} : { help: error.spec.help }),
      };
  }
}
