/**
 * Checks an expression against the shapes of what it may read: unknown names, kinds that do not go together, and what can
 * be seen to fail always. Gives every problem with its place in the expression.
 */
import type { Environment } from '@marcbachmann/cel-js';
import { isKassaflowError, type KassaflowError } from '../../../kernel/errors.ts';
import { nearest } from '../../../kernel/nearest.ts';
import { fieldNames, fieldOf, objectShape, type Shape } from '../shape.ts';
import { analyse, type Analysis, type Reading } from './analysis.ts';
import { flowEnvironment } from './environment.ts';
import { rangeOf, translated } from './located.ts';
import { literalProblems } from './literal-problems.ts';
import type { RootShapes } from './expression.ts';
import type { TextProblem } from './text-problem.ts';

export interface ExpressionReport {
  readonly problems: readonly TextProblem[];
  readonly readings: readonly Reading[];
  /** CEL's name of the result's type (`bool`, `string`, `Money`, `dyn`); absent when there are problems. */
  readonly type?: string;
}

const FUNCTIONS = [
  'money',
  'sum',
  'size',
  'now',
  'days',
  'workday',
  'lower',
  'like',
  'matches',
  'startsWith',
  'endsWith',
  'contains',
  'has',
  'all',
  'exists',
  'exists_one',
  'map',
  'filter',
  'string',
  'int',
  'double',
  'bool',
  'timestamp',
  'duration',
  'type',
  'dyn',
  'getFullYear',
  'getMonth',
  'getDate',
  'getDayOfMonth',
  'getDayOfWeek',
  'getDayOfYear',
  'getHours',
  'getMinutes',
  'getSeconds',
  'getMilliseconds',
  'split',
  'join',
  'trim',
  'lowerAscii',
  'upperAscii',
  'substring',
  'indexOf',
  'lastIndexOf',
  'bytes',
  'uint',
];

/** A set of names with their shapes, ready to check many expressions against. */
export class ExpressionTypes {
  readonly roots: Shape;
  readonly #environment: Environment;

  /** @param shared roots that many flows have in common: what is made of them is kept for as long as the object lives
   * @param read what of `shapes` expressions may read: types are made of nothing else */
  constructor(
    readonly shapes: RootShapes,
    shared: RootShapes = {},
    read: RootShapes = shapes,
  ) {
    this.roots = objectShape({ ...shared, ...shapes });
    const { event, ...own } = read;
    const common = environmentOf(shared, [shared, shared], () => flowEnvironment(true));
    const started = event ? environmentOf({ event }, [shared, event], () => common.clone()) : common;
    this.#environment = started.clone();
    registerRoots(own, this.#environment);
  }

  /** @param condition the result must be true or false */
  check(source: string, condition: boolean): ExpressionReport {
    const written = beforeParsing(source, condition);
    if (written) return { problems: [written], readings: [] };
    let analysis: Analysis;
    try {
      analysis = analyse(source, this.#environment);
    } catch (error) {
      return { problems: [parseProblem(asOurs(error, source), source)], readings: [] };
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
    const result = this.#environment.check(text.length === source.length ? text : analysis.checked);
    if (!result.valid) return { problems: [typeProblem(result.error, source)], readings };
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
}

const environments = new WeakMap<object, WeakMap<object, Environment>>();

/** Types are costly to make: those of the subjects and of one event are the same for all flows of a vocabulary. */
function environmentOf(roots: RootShapes, key: readonly [object, object], make: () => Environment): Environment {
  const inner = environments.get(key[0]) ?? new WeakMap<object, Environment>();
  environments.set(key[0], inner);
  const known = inner.get(key[1]);
  if (known) return known;
  const made = make();
  registerRoots(roots, made);
  inner.set(key[1], made);
  return made;
}

/** Nothing else can be written in an expression; the library makes names of types from these and reads them again. */
const NAMEABLE = /^[A-Za-z_][\w-]*$/;

function registerRoots(roots: RootShapes, environment: Environment): void {
  for (const [name, shape] of Object.entries(roots)) {
    // The name of an element may hide another one; that is reported, and the other one stays.
    if (environment.hasVariable(name) || !NAMEABLE.test(name)) continue;
    const type = celType(shape, environment);
    environment.registerVariable({ name, ...(typeof type === 'string' ? { type } : { schema: type }) });
  }
}

/** CEL's name for the kind of a value, in words. */
export function kindWords(type: string): string {
  const words: Readonly<Record<string, string>> = {
    string: 'a text',
    int: 'a whole number',
    double: 'a number',
    Money: 'an amount of money',
    bool: 'true or false',
    'google.protobuf.Timestamp': 'a moment',
    'google.protobuf.Duration': 'a duration',
  };
  return words[type] ?? (type.startsWith('list') ? 'a list' : 'a group of values');
}

type CelType = string | { [field: string]: CelType };

function celType(shape: Shape, environment: Environment): CelType {
  switch (shape.kind) {
    case 'string':
      return 'string';
    case 'int':
      return 'int';
    case 'number':
      return 'double';
    case 'bool':
      return 'bool';
    case 'money':
      return 'Money';
    case 'instant':
      return 'google.protobuf.Timestamp';
    case 'any':
      return 'dyn';
    case 'list':
      return `list<${named(shape.items, environment)}>`;
    case 'map':
      return `map<string, ${named(shape.values, environment)}>`;
    case 'object':
      return Object.keys(shape.fields).length === 0
        ? 'dyn'
        : Object.fromEntries(
            Object.entries(shape.fields)
              .filter(([name]) => NAMEABLE.test(name))
              .map(([name, field]) => [name, celType(field, environment)]),
          );
  }
}

/** Numbers the groups, whose names must differ within an environment and those that it was made from. */
let groups = 0;

/** Lists of objects need a type with a name. */
function named(shape: Shape, environment: Environment): string {
  const type = celType(shape, environment);
  if (typeof type === 'string') return type;
  groups += 1;
  const name = `Group${groups}`;
  environment.registerType({ name, schema: type });
  return name;
}

function beforeParsing(source: string, condition: boolean): TextProblem | undefined {
  const bare = withoutTexts(source);
  if (condition && source.startsWith('='))
    return { code: 'flow.equals-mark', start: 0, end: 1, facts: { suggestion: source.slice(1).trim() } };
  const braces = bare.indexOf('{{');
  if (braces >= 0)
    return {
      code: 'flow.braces-in-expression',
      start: braces,
      end: source.length,
      facts: { suggestion: source.replace(/\{\{\s*|\s*\}\}/g, '') },
    };
  const word = /(?<![\w.])(and|or|not)(?=\s)/.exec(bare);
  if (word?.[1] !== undefined) {
    const sign = { and: '&&', or: '||', not: '!' }[word[1]] ?? '&&';
    return {
      code: 'flow.word-operator',
      start: word.index,
      end: word.index + word[1].length,
      facts: {
        found: word[1],
        suggestion: source.slice(0, word.index) + sign + source.slice(word.index + word[1].length + (sign === '!' ? 1 : 0)),
      },
    };
  }
  const foreign = foreignOperator(bare, source);
  if (foreign) return foreign;
  const equals = /(?<![=!<>])=(?![=~])/.exec(bare);
  if (equals)
    return {
      code: 'flow.comparison',
      start: equals.index,
      end: equals.index + 1,
      facts: { suggestion: `${source.slice(0, equals.index)}==${source.slice(equals.index + 1)}` },
    };
  return undefined;
}

/** Operators of other languages, and what CEL writes. */
const FOREIGN: readonly (readonly [sign: RegExp, ours: string])[] = [
  [/===/, '=='],
  [/!==/, '!='],
  [/<>/, '!='],
  [/(?<!&)&(?!&)/, '&&'],
  [/(?<!\|)\|(?!\|)/, '||'],
];

function foreignOperator(bare: string, source: string): TextProblem | undefined {
  for (const [sign, ours] of FOREIGN) {
    const match = sign.exec(bare);
    if (!match) continue;
    const end = match.index + match[0].length;
    const suggestion = source.slice(0, match.index) + ours + source.slice(end);
    return { code: 'flow.word-operator', start: match.index, end, facts: { found: match[0], suggestion } };
  }
  return undefined;
}

/** What a text that is no expression probably lacks. */
function missingPiece(source: string): string | undefined {
  const bare = withoutTexts(source);
  if (/["']/.test(bare)) return 'a quote is opened and not closed';
  if (bare.includes('//')) return 'leave the comment out; in YAML it stands after a space and #';
  if (/\?\./.test(bare)) return 'write a plain dot: a field that is absent reads as empty';
  for (const [open, close] of ['()', '[]', '{}'].map((pair) => pair.split(''))) {
    const surplus = bare.split(open ?? '').length - bare.split(close ?? '').length;
    if (surplus !== 0) return surplus > 0 ? `a  ${close}  is missing` : `there is one  ${close}  too many`;
  }
  const operator = /(==|!=|<=?|>=?|&&|\|\||[+\-*/%])\s*$/.exec(bare)?.[1];
  return operator === undefined ? undefined : `something is missing after  ${operator}`;
}

/** The same text with the contents of quotes blanked. */
function withoutTexts(source: string): string {
  return source.replace(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/g, (text) => '_'.repeat(text.length));
}

function asOurs(error: unknown, source: string): KassaflowError {
  return isKassaflowError(error) ? error : translated(error, source);
}

function parseProblem(error: KassaflowError, source: string): TextProblem {
  const { start, end } = rangeOf(error) ?? { start: 0, end: source.length };
  const name = String(error.facts['name'] ?? '');
  switch (error.code) {
    case 'expression.too-long':
    case 'expression.depth':
    case 'expression.budget':
      return { code: 'flow.expression-limit', start: 0, end: source.length };
    case 'expression.unknown-function':
      return { code: 'flow.unknown-function', start, end, facts: { name } };
    case 'expression.unknown-name':
      return { code: 'flow.unknown-name', start, end, facts: { name }, help: 'names begin with a letter' };
    case 'expression.unknown-field':
      return { code: 'flow.unknown-field', start, end, facts: { owner: 'a value', name }, help: 'use a field of the event or of a step' };
    default: {
      const call = unknownCall(source);
      if (call) return call;
      return {
        code: 'flow.expression',
        start,
        end: Math.max(end, start + 1),
        ...('accepted' in error.facts
          ? { help: `write for example  ${String(error.facts['accepted'])}` }
          : ((help) => (help === undefined ? {} : { help }))(missingPiece(source))),
      };
    }
  }
}

/** The library refuses an unknown function while it parses; find which one it was. */
function unknownCall(source: string): TextProblem | undefined {
  for (const match of withoutTexts(source).matchAll(/([A-Za-z_]\w*)\s*\(/g)) {
    const name = match[1] ?? '';
    if (FUNCTIONS.includes(name) || name === 'in') continue;
    const near = nearest(name, FUNCTIONS);
    return {
      code: 'flow.unknown-function',
      start: match.index,
      end: match.index + name.length,
      facts: { name },
      ...(near === undefined ? {} : { help: `did you mean ${near}?` }),
    };
  }
  return undefined;
}

/** The first name of a path that does not exist. */
function readingProblem({ names, start, end }: Reading, roots: Shape, source: string): TextProblem | undefined {
  let shape = roots;
  let cursor = start;
  for (const [index, name] of names.entries()) {
    const at = Math.max(cursor, source.indexOf(name, cursor));
    const next = fieldOf(shape, name);
    if (!next) return unknownField(names, index, shape, at, Math.min(end, at + name.length));
    shape = next;
    cursor = at + name.length;
  }
  return undefined;
}

/** The problem of a name at `index` of a path that `shape` does not have; for expressions and texts alike. */
export function unknownField(names: readonly string[], index: number, shape: Shape, start: number, end: number): TextProblem {
  const name = names[index] ?? '';
  const known = fieldNames(shape);
  const near = nearest(name, known);
  const owner = names.slice(0, index).join('.');
  if (index === 0)
    return { code: 'flow.unknown-name', start, end, facts: { name }, ...(near === undefined ? {} : { help: `did you mean ${near}?` }) };
  if (owner === 'steps')
    return {
      code: 'flow.unknown-step',
      start,
      end,
      facts: { name },
      help:
        near === undefined
          ? known.length > 0
            ? `steps with an id: ${known.slice(0, 12).join(', ')}`
            : 'give the step an id, and use it as steps.<id>'
          : `did you mean steps.${near}?`,
    };
  return {
    code: 'flow.unknown-field',
    start,
    end,
    facts: { owner, name, names: known.slice(0, 20).join(', ') },
    help:
      near === undefined
        ? known.length > 0
          ? `${owner} has: ${known.slice(0, 20).join(', ')}`
          : shape.kind === 'object'
            ? `there are no ${owner} in this flow`
            : `${owner} is a single value`
        : `did you mean ${owner}.${near}?`,
  };
}

function typeProblem(error: unknown, source: string): TextProblem {
  const ours = asOurs(error, source);
  const { start, end } = rangeOf(ours) ?? { start: 0, end: source.length };
  const problem = String(ours.facts['problem'] ?? '');
  if (/Money/.test(problem) && /\b(int|double)\b/.test(problem)) {
    return {
      code: 'flow.money-number',
      start,
      end,
      facts: { suggestion: source.slice(start, end).replace(/(?<![\w."])\d+(\.\d+)?(?![\w."])/, (number) => `money("${number} EUR")`) },
    };
  }
  const call = ours.code === 'expression.type' ? unknownCall(source) : undefined;
  if (call) return call;
  if (ours.code === 'expression.not-boolean')
    return { code: 'flow.not-boolean', start, end, facts: { found: 'not', suggestion: 'payment.status == "completed"' } };
  const help = problem.includes('Money') ? 'amounts are compared, added, subtracted, and multiplied by a whole number' : undefined;
  return {
    code: 'flow.types',
    start,
    end,
    facts: { problem: inWords(problem) || 'the kinds differ' },
    ...(help === undefined ? {} : { help }),
  };
}

/** `string > int` as "a text and a whole number". */
function inWords(problem: string): string {
  const binary = /^(?:dyn<)?([\w.<>, ]+?)>? (==|!=|<=?|>=?|\+|-|\*|\/|%|in) (?:dyn<)?([\w.<>, ]+?)>?$/.exec(problem);
  const call = /overload for '?([\w.]+)\(([^)]*)\)/.exec(problem);
  if (call) return `${(call[1] ?? '').split('.').at(-1)}( ) and ${(call[2] ?? '').split(', ').map(kindWords).join(', ') || 'no value'}`;
  return binary ? `${kindWords(binary[1] ?? '')} ${binary[2] ?? ''} ${kindWords(binary[3] ?? '')}` : problem.replace(/'/g, '');
}

function comparisonFor(source: string, type: string): string {
  const value = { string: '!= ""', int: '> 0', double: '> 0.0', Money: '> money("0 EUR")' }[type] ?? '…';
  return `${source.trim()} ${value}`;
}
