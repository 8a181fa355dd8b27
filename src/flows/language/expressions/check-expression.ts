/**
 * Checks an expression against the shapes of what it may read: unknown names, kinds that do not go together, and what can
 * be seen to fail always. Gives every problem with its place in the expression.
 */
import type { Environment } from '@marcbachmann/cel-js';
import { objectShape, type Shape } from '../shape.ts';
import { analyse, type Analysis, type Reading } from './analysis.ts';
import { environmentOf, registerRoot } from './cel-types.ts';
import { flowEnvironment } from './environment.ts';
import type { RootShapes } from './expression.ts';
import { beforeParsing, parseProblem } from './form-problems.ts';
import { comparisonFor, kindWords, typeProblem } from './kind-problems.ts';
import { literalProblems } from './literal-problems.ts';
import { translated } from './located.ts';
import type { TextProblem } from './text-problem.ts';
import { readingProblem } from './unknown-field.ts';

export interface ExpressionReport {
  readonly problems: readonly TextProblem[];
  readonly readings: readonly Reading[];
  /** CEL's name of the result's type (`bool`, `string`, `Money`, `dyn`); absent when there are problems. */
  readonly type?: string;
}

/**
 * A set of names with their shapes, ready to check many expressions against. Types are made of a root when the first
 * expression reads it: most roots of most flows are never read, and types are the costly part.
 */
export class ExpressionTypes {
  readonly roots: Shape;
  #environment: Environment | undefined;

  /** @param shared roots that many flows have in common: what is made of them is kept for as long as the object lives
   * @param read what of `shapes` expressions may read: types are made of nothing else */
  constructor(
    readonly shapes: RootShapes,
    private readonly shared: RootShapes = {},
    private readonly read: RootShapes = shapes,
  ) {
    this.roots = objectShape({ ...shared, ...shapes });
  }

  /** @param condition the result must be true or false */
  check(source: string, condition: boolean): ExpressionReport {
    const written = beforeParsing(source, condition);
    if (written) return { problems: [written], readings: [] };
    let analysis: Analysis;
    try {
      analysis = analyse(source, this.#types());
    } catch (error) {
      return { problems: [parseProblem(translated(error, source), source)], readings: [] };
    }
    const { readings } = analysis;
    const problems = [
      ...readings.flatMap((reading) => readingProblem(reading, this.roots, source) ?? []),
      ...literalProblems(analysis.ast, this.roots),
    ];
    if (problems.length > 0) return { problems, readings };
    return this.#typed(analysis, source, condition);
  }

  #typed(analysis: Analysis, source: string, condition: boolean): ExpressionReport {
    const { readings } = analysis;
    // Variables that stand for has( ) are true or false; the type check sees `true` of the same length.
    const text = analysis.checked.replace(/_h[0-9]+/g, (name) => 'true'.padEnd(name.length));
    const environment = this.#types();
    for (const name of analysis.paths.fields.keys()) registerRoot(name, this.read[name], environment);
    const result = text === source ? analysis.parsed.check() : environment.check(text.length === source.length ? text : analysis.checked);
    if (!result.valid) return { problems: [typeProblem(translated(result.error, source), source)], readings };
    const type = result.type ?? 'dyn';
    if (!condition || type === 'bool' || type === 'dyn') return { problems: [], readings, type };
    return {
      problems: [
        {
          code: 'flow.not-boolean',
          start: 0,
          end: source.length,
          facts: { found: kindWords(type), suggestion: comparisonFor(source, type) },
        },
      ],
      readings,
    };
  }

  #types(): Environment {
    if (this.#environment) return this.#environment;
    const { event } = this.read;
    const common = environmentOf(this.shared, [this.shared, this.shared], () => flowEnvironment(true));
    const started = event ? environmentOf({ event }, [this.shared, event], () => common.clone()) : common;
    return (this.#environment = started.clone());
  }
}
