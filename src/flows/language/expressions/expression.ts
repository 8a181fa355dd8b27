/** Compiles a CEL expression for evaluation: parsed once, with the conversion of exactly the fields that it reads. */
import { isKassaflowError, KassaflowError } from '../../../kernel/errors.ts';
import type { Expression, Place, Scope } from '../compiled-flow.ts';
import { ANY, type Shape } from '../shape.ts';
import { analyse, parse, pathOf, sourceOffset, type Analysis } from './analysis.ts';
import { evaluating, flowEnvironment } from './environment.ts';
import { expressionErrors } from './errors.ts';
import { located, rangeOf, translated } from './located.ts';
import { MoneyValue } from './money-value.ts';
import { isPresent, ownField } from './paths.ts';
import { converterOf, toJson, type Converter } from './scope-values.ts';

/** Shapes by root name: they give absent fields their default values. A root that is not listed is taken as it comes. */
export type RootShapes = Readonly<Record<string, Shape>>;

const environment = flowEnvironment(false);

/**
 * @param place where the text begins in the file, for the facts of errors
 * @throws expression.* when it is not an expression; fields and kinds are the checker's business (`checkExpression`)
 */
export function compileExpression(source: string, shapes: RootShapes, place?: Place): Expression {
  const analysis = analyse(source, environment);
  const program = analysis.evaluated === source ? analysis.parsed : parse(analysis.evaluated, environment);
  const roots = [...analysis.paths.fields].map(([name, path]) => [name, converterOf(shapes[name] ?? ANY, path)] as const);
  const reads = new Set(roots.map(([name]) => name));
  for (const { names } of analysis.presences) reads.add(names[0] ?? '');
  if (analysis.readsNow) reads.add('now');
  const plain = plainRead(analysis, roots);
  return {
    source,
    reads,
    evaluate(scope) {
      try {
        if (plain) return plain(scope);
        const context: Record<string, unknown> = {};
        for (const [name, convert] of roots) context[name] = convert(scope[name]);
        for (const { variable, names } of analysis.presences) context[variable] = isPresent(scope, names);
        const value: unknown = evaluating(scope['now'], () => program(context));
        return toJson(value);
      } catch (error) {
        throw withPlace(translated(error, analysis.evaluated), source, analysis, place);
      }
    },
  };
}

/** As {@link compileExpression}, for a condition: anything but true or false is an error, and `negate` turns it round. */
export function compileCondition(
  source: string,
  shapes: RootShapes,
  { negate = false, place }: { negate?: boolean; place?: Place } = {},
): Expression {
  const expression = compileExpression(source, shapes, place);
  return {
    ...expression,
    evaluate(scope: Scope) {
      const value = expression.evaluate(scope);
      if (typeof value !== 'boolean')
        throw expressionErrors['not-boolean']({
          expression: source.slice(0, 80),
          ...place,
          found: value === null ? 'nothing' : typeof value,
        });
      return value !== negate;
    },
  };
}

/** Two conditions that must both hold. */
export function both(first: Expression | undefined, second: Expression | undefined): Expression | undefined {
  if (!first || !second) return first ?? second;
  return {
    source: `(${first.source}) && !(${second.source})`,
    reads: new Set([...first.reads, ...second.reads]),
    evaluate: (scope) => first.evaluate(scope) === true && second.evaluate(scope) === true,
  };
}

/** `=payment.id` is most of what flows compute: such a path is read as it is, without a trip through CEL. */
function plainRead({ ast }: Analysis, roots: readonly (readonly [string, Converter])[]): ((scope: Scope) => unknown) | undefined {
  const names = pathOf(ast);
  const convert = roots[0]?.[1];
  if (!names || !convert || names.length < 2) return undefined;
  return (scope) => {
    let value: unknown = scope;
    for (const name of names) value = ownField(value, name);
    if (value !== undefined && value !== null) return value;
    // Absent: the converter knows the default.
    value = { [names[0] ?? '']: convert(scope[names[0] ?? '']) };
    for (const name of names) value = value instanceof MoneyValue ? '' : ownField(value, name);
    return toJson(value);
  };
}

function withPlace(error: KassaflowError, source: string, analysis: Analysis, place: Place | undefined): KassaflowError {
  if (!isKassaflowError(error)) return error;
  const range = rangeOf(error);
  const start = range ? sourceOffset(source, analysis.evaluated, range.start) : 0;
  const end = range ? sourceOffset(source, analysis.evaluated, range.end) : source.length;
  const where = place ? { line: place.line, column: place.column + start } : {};
  // `found` was cut from the rewritten text; authors see their own.
  const facts = {
    ...error.facts,
    ...('found' in error.facts && range ? { found: source.slice(start, Math.min(end, start + 60)) } : {}),
    expression: source.slice(0, 80),
    ...where,
  };
  return located(new KassaflowError(error.code, error.spec, facts, { cause: error.cause }), start, end);
}
