/** Problems with the kinds of values in an expression, in plain words. */
import type { KassaflowError } from '../../../kernel/errors.ts';
import { unknownCall } from './form-problems.ts';
import { rangeOf } from './located.ts';
import type { TextProblem } from './text-problem.ts';

/** Kinds that do not go together. */
export function typeProblem(ours: KassaflowError, source: string): TextProblem {
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

/** How a value of this kind becomes a condition. */
export function comparisonFor(source: string, type: string): string {
  const value = { string: '!= ""', int: '> 0', double: '> 0.0', Money: '> money("0 EUR")' }[type] ?? '…';
  return `${source.trim()} ${value}`;
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

/** `string > int` as "a text and a whole number". */
function inWords(problem: string): string {
  const binary = /^(?:dyn<)?([\w.<>, ]+?)>? (==|!=|<=?|>=?|\+|-|\*|\/|%|in) (?:dyn<)?([\w.<>, ]+?)>?$/.exec(problem);
  const call = /overload for '?([\w.]+)\(([^)]*)\)/.exec(problem);
  if (call) return `${(call[1] ?? '').split('.').at(-1)}( ) and ${(call[2] ?? '').split(', ').map(kindWords).join(', ') || 'no value'}`;
  return binary ? `${kindWords(binary[1] ?? '')} ${binary[2] ?? ''} ${kindWords(binary[3] ?? '')}` : problem.replace(/'/g, '');
}
