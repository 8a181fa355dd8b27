/** Problems that the text of an expression shows by itself: amounts, patterns, divisors, floats, impossible values. */
import type { ASTNode } from '@marcbachmann/cel-js';
import { nearest } from '../../../kernel/nearest.ts';
import { fieldOf, type Shape } from '../shape.ts';
import { pathOf } from './analysis.ts';
import { MoneyValue } from './money-value.ts';
import { compiledPattern } from './regex.ts';
import type { TextProblem } from './text-problem.ts';

/** What can be seen from the text alone: amounts, patterns, divisors, floats, and values that never occur. */
export function literalProblems(ast: ASTNode, roots: Shape): TextProblem[] {
  const problems: TextProblem[] = [];
  visit(ast, (node) => {
    if (node.op === 'call' && node.args[0] === 'money') problems.push(...moneyProblem(node));
    if ((node.op === 'call' || node.op === 'rcall') && (node.op === 'call' ? node.args[0] : node.args[0]) === 'matches')
      problems.push(...patternProblem(node));
    if ((node.op === '/' || node.op === '%') && isNumber(node.args[1], 0))
      problems.push({ code: 'flow.zero-division', start: node.start, end: node.end });
    if (node.op === '==' || node.op === '!=') problems.push(...equalityProblems(node, roots));
    if (COMBINING.has(node.op)) problems.push(...currencyProblem(node));
  });
  return problems;
}

const COMBINING = new Set(['==', '!=', '<', '<=', '>', '>=', '+', '-']);

function moneyProblem(node: Extract<ASTNode, { op: 'call' }>): TextProblem[] {
  const [argument] = node.args[1];
  if (argument?.op !== 'value' || typeof argument.args !== 'string') return [];
  try {
    MoneyValue.read(argument.args);
    return [];
  } catch {
    return [{ code: 'flow.money', start: argument.start, end: argument.end }];
  }
}

function patternProblem(node: Extract<ASTNode, { op: 'call' | 'rcall' }>): TextProblem[] {
  const argument = (node.op === 'call' ? node.args[1] : node.args[2]).at(-1);
  if (argument?.op !== 'value' || typeof argument.args !== 'string') return [];
  try {
    compiledPattern(argument.args);
    return [];
  } catch {
    return [{ code: 'flow.regex', start: argument.start, end: argument.end }];
  }
}

function equalityProblems(node: Extract<ASTNode, { op: '==' | '!=' }>, roots: Shape): TextProblem[] {
  let hasFloat = false;
  visit(node, (inner) => {
    if (inner.op === 'value' && typeof inner.args === 'number' && !Number.isInteger(inner.args)) hasFloat = true;
  });
  if (hasFloat) return [{ code: 'flow.float', start: node.start, end: node.end }];
  const [left, right] = node.args;
  for (const [path, literal] of [
    [left, right],
    [right, left],
  ] as const) {
    const names = pathOf(path);
    if (!names || literal.op !== 'value' || typeof literal.args !== 'string') continue;
    const shape = names.reduce<Shape | undefined>((at, name) => at && fieldOf(at, name), roots);
    // An absent subject has empty fields, so a comparison with "" is meant.
    if (shape?.kind !== 'string' || !shape.values || literal.args === '' || shape.values.includes(literal.args)) continue;
    const near = nearest(literal.args, shape.values);
    const owner = names.join('.');
    return [
      {
        code: 'flow.impossible-value',
        start: literal.start,
        end: literal.end,
        facts: { owner, found: literal.args, names: shape.values.join(', ') },
        ...(near === undefined ? {} : { help: `did you mean "${near}"?` }),
      },
    ];
  }
  return [];
}

/** Two currencies on the two sides; more than one on one side was reported there. */
function currencyProblem(node: ASTNode): TextProblem[] {
  if (!Array.isArray(node.args) || node.args.some((side) => typeof side === 'object' && currenciesIn(side as ASTNode).size > 1)) return []; // both sides of an operator are nodes
  const [left, right] = currenciesIn(node);
  return right === undefined ? [] : [{ code: 'flow.currency-mix', start: node.start, end: node.end, facts: { left, right } }];
}

function currenciesIn(node: ASTNode): Set<string> {
  const currencies = new Set<string>();
  visit(node, (inner) => {
    if (inner.op !== 'call' || inner.args[0] !== 'money') return;
    const [argument] = inner.args[1];
    const code = argument?.op === 'value' && typeof argument.args === 'string' ? /[A-Z]{3}$/.exec(argument.args)?.[0] : undefined;
    if (code !== undefined) currencies.add(code);
  });
  return currencies;
}

function isNumber(node: ASTNode, value: number): boolean {
  return node.op === 'value' && (typeof node.args === 'bigint' || typeof node.args === 'number') && Number(node.args) === value;
}

function visit(node: ASTNode, see: (node: ASTNode) => void): void {
  see(node);
  switch (node.op) {
    case 'value':
    case 'id':
      return;
    case '.':
    case '.?':
      return visit(node.args[0], see);
    case 'call':
      return node.args[1].forEach((part) => visit(part, see));
    case 'rcall':
      return [node.args[1], ...node.args[2]].forEach((part) => visit(part, see));
    case 'map':
      return node.args.flat().forEach((part) => visit(part, see));
    case '!_':
    case '-_':
      return visit(node.args, see);
    default:
      for (const part of node.args) visit(part, see);
  }
}
