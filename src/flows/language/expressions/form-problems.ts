/** Problems with the form of an expression: what is no CEL, and what its author probably meant. */
import type { KassaflowError } from '../../../kernel/errors.ts';
import { nearest } from '../../../kernel/nearest.ts';
import { rangeOf } from './located.ts';
import type { TextProblem } from './text-problem.ts';

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

/** What can be said before CEL looks at the text: marks and words of other languages, each with what CEL writes. */
export function beforeParsing(source: string, condition: boolean): TextProblem | undefined {
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

/** What the parser refused, and what the text probably lacks. */
export function parseProblem(error: KassaflowError, source: string): TextProblem {
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

/** The library refuses an unknown function while it parses; find which one it was. */
export function unknownCall(source: string): TextProblem | undefined {
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

/** The same text with the contents of quotes blanked. */
function withoutTexts(source: string): string {
  return source.replace(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/g, (text) => '_'.repeat(text.length));
}
