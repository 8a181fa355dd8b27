/**
 * What an expression reads, and the text with which it is evaluated.
 *
 * The library has no step budget, runs `matches` on the JavaScript engine and cannot tell an absent field from a default.
 * So three things are rewritten in the text, at places that the syntax tree gives:
 * `s.matches(p)` becomes `s._matche(p)` on RE2; `has(order.id)` becomes a variable of the same length that holds the answer;
 * the body of `all`, `map`, … is wrapped in `_tick( )`, which counts. Names that begin with `_` are refused from authors.
 */
import type { ASTNode, ParseResult } from '@marcbachmann/cel-js';
import { expressionErrors } from './errors.ts';
import { addPath, newPath, type PathNode } from './paths.ts';
import type { Environment } from '@marcbachmann/cel-js';
import { located, translated } from './located.ts';

export const LONGEST_EXPRESSION = 2_048;
/** `map` inside `map` is enough; more is a query that belongs elsewhere. */
const DEEPEST_LOOP = 3;
const FORBIDDEN = new Set(['__proto__', 'constructor', 'prototype']);
const LOOPS = new Set(['all', 'exists', 'exists_one', 'map', 'filter']);

/** A condition `has(a.b)`: the variable that stands for it, and the names it tests. */
export interface Presence {
  readonly variable: string;
  readonly names: readonly string[];
}

/** One path that the expression reads, with its place, for the checker. */
export interface Reading {
  readonly names: readonly string[];
  readonly start: number;
  readonly end: number;
}

export interface Analysis {
  readonly ast: ASTNode;
  /** The source as it stands. */
  readonly parsed: ParseResult;
  /** Same length as the source: for the type check, so that places stay right. */
  readonly checked: string;
  /** With the step counter in place: for evaluation. */
  readonly evaluated: string;
  readonly paths: PathNode;
  readonly readings: readonly Reading[];
  readonly presences: readonly Presence[];
  readonly readsNow: boolean;
}

interface Edit {
  readonly at: number;
  readonly remove: number;
  readonly insert: string;
}

/** @throws expression.syntax, expression.too-long, expression.depth, expression.unknown-name, expression.budget */
export function analyse(source: string, environment: Environment): Analysis {
  if (source.length > LONGEST_EXPRESSION) throw expressionErrors['too-long']({ found: source.length });
  if (source.trim() === '') throw expressionErrors.syntax({ found: 'nothing', accepted: 'for example  payment.status == "completed"' });
  const comment = source.replace(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/g, (text) => '_'.repeat(text.length)).indexOf('//');
  if (comment >= 0) throw located(expressionErrors.syntax({ found: '//' }), comment, comment + 2);
  const parsed = parse(source, environment);
  const { ast } = parsed;
  const walk = new Walk(source);
  walk.visit(ast, new Set(), 0, undefined);
  const sameLength = walk.edits.filter((edit) => edit.remove === edit.insert.length);
  return {
    ast,
    parsed,
    checked: applied(source, sameLength),
    evaluated: applied(source, walk.edits),
    paths: walk.paths,
    readings: walk.readings,
    presences: walk.presences,
    readsNow: walk.readsNow,
  };
}

/** @throws expression.syntax and others, with their place in `source` */
export function parse(source: string, environment: Environment): ParseResult {
  try {
    return environment.parse(source);
  } catch (error) {
    throw translated(error, source);
  }
}

class Walk {
  readonly paths = newPath();
  readonly readings: Reading[] = [];
  readonly presences: Presence[] = [];
  readonly edits: Edit[] = [];
  readsNow = false;

  constructor(readonly source: string) {}

  visit(node: ASTNode, bound: ReadonlySet<string>, loops: number, parent: ASTNode | undefined): void {
    switch (node.op) {
      case 'value':
        return;
      case 'id':
      case '.':
      case '[]':
        return this.#access(node, bound, loops);
      case 'call':
        return this.#call(node, bound, loops);
      case 'rcall':
        return this.#method(node, bound, loops);
      case 'map':
        return node.args.forEach((entry) => entry.forEach((part) => this.visit(part, bound, loops, node)));
      case '!_':
      case '-_':
        return this.visit(node.args, bound, loops, node);
      case '.?':
      case '[?]':
        throw located(expressionErrors.syntax({ found: '?' }), node.start, node.end);
      default:
        for (const part of node.args) this.visit(part, bound, loops, parent);
    }
  }

  #access(node: ASTNode, bound: ReadonlySet<string>, loops: number): void {
    if (node.op === '.' && FORBIDDEN.has(node.args[1]))
      throw located(expressionErrors['unknown-field']({ name: node.args[1] }), node.start, node.end);
    const names = pathOf(node);
    const forbidden = names?.find((name) => FORBIDDEN.has(name));
    if (forbidden !== undefined) throw located(expressionErrors['unknown-field']({ name: forbidden }), node.start, node.end);
    if (!names) {
      if (node.op === '.') return this.visit(node.args[0], bound, loops, node);
      if (node.op === '[]') node.args.forEach((part) => this.visit(part, bound, loops, node));
      return;
    }
    const root = names[0] ?? '';
    if (root.startsWith('_')) throw located(expressionErrors['unknown-name']({ name: root }), node.start, node.start + root.length);
    if (bound.has(root)) return;
    addPath(this.paths, names);
    this.readings.push({ names, start: node.start, end: node.end });
  }

  #call(node: Extract<ASTNode, { op: 'call' }>, bound: ReadonlySet<string>, loops: number): void {
    const [name, values] = node.args;
    if (name.startsWith('_')) throw located(expressionErrors['unknown-function']({ name }), node.start, node.start + name.length);
    if (name === 'has') return this.#has(node, bound);
    if (name === 'matches') this.edits.push({ at: node.start, remove: 7, insert: '_matche' });
    if (name === 'now') this.readsNow = true;
    for (const value of values) this.visit(value, bound, loops, node);
  }

  #has(node: Extract<ASTNode, { op: 'call' }>, bound: ReadonlySet<string>): void {
    const names = node.args[1].length === 1 && node.args[1][0] ? pathOf(node.args[1][0]) : undefined;
    if (!names || names.length < 2)
      throw located(expressionErrors.syntax({ found: 'has( )', accepted: 'a field, for example has(order.id)' }), node.start, node.end);
    if (bound.has(names[0] ?? ''))
      throw located(
        expressionErrors.syntax({ found: `has(${names.join('.')})`, accepted: `${names.join('.')} != ""` }),
        node.start,
        node.end,
      );
    const variable = `_h${this.presences.length}`;
    this.presences.push({ variable, names });
    this.readings.push({ names, start: node.args[1][0]?.start ?? node.start, end: node.args[1][0]?.end ?? node.end });
    this.edits.push({ at: node.start, remove: node.end - node.start, insert: variable.padEnd(node.end - node.start) });
  }

  #method(node: Extract<ASTNode, { op: 'rcall' }>, bound: ReadonlySet<string>, loops: number): void {
    const [name, receiver, values] = node.args;
    if (name.startsWith('_') || (receiver.op === 'id' && receiver.args === 'cel'))
      throw located(expressionErrors['unknown-function']({ name }), node.start, node.end);
    this.visit(receiver, bound, loops, node);
    if (name === 'matches')
      this.edits.push({ at: this.#after(/[\s)]*\.\s*(?=matches)/y, receiver.end, node), remove: 7, insert: '_matche' });
    if (!LOOPS.has(name)) return values.forEach((value) => this.visit(value, bound, loops, node));
    if (loops + 1 > DEEPEST_LOOP) throw located(expressionErrors.budget({ nested: loops + 1, limit: DEEPEST_LOOP }), node.start, node.end);
    const [variable, ...bodies] = values;
    const last = bodies.at(-1);
    if (variable?.op !== 'id' || !last)
      throw located(expressionErrors.syntax({ found: `${name}( )`, accepted: `${name}(item, …)` }), node.start, node.end);
    const inner = new Set(bound).add(variable.args);
    for (const body of bodies) this.visit(body, inner, loops + 1, node);
    this.edits.push(
      { at: this.#after(/[\s)]*,/y, (bodies.at(-2) ?? variable).end, node), remove: 0, insert: '_tick(' },
      { at: node.end - 1, remove: 0, insert: ')' },
    );
  }

  #after(pattern: RegExp, from: number, node: ASTNode): number {
    pattern.lastIndex = from;
    if (!pattern.test(this.source))
      throw located(expressionErrors.syntax({ found: this.source.slice(node.start, node.end) }), node.start, node.end);
    return pattern.lastIndex;
  }
}

/** The names of `a.b["c"]`, or nothing when it is not a plain path. */
export function pathOf(node: ASTNode): string[] | undefined {
  if (node.op === 'id') return [node.args];
  const owner = node.op === '.' || node.op === '[]' ? pathOf(node.args[0]) : undefined;
  if (!owner) return undefined;
  if (node.op === '.') return [...owner, node.args[1]];
  const index = node.op === '[]' ? node.args[1] : undefined;
  return index?.op === 'value' && typeof index.args === 'string' ? [...owner, index.args] : undefined;
}

function applied(source: string, edits: readonly Edit[]): string {
  let text = source;
  // From the end, so that earlier places stay right. At one place the later edit belongs to the outer node: it goes in first.
  for (const edit of edits.toSorted((a, b) => b.at - a.at)) text = text.slice(0, edit.at) + edit.insert + text.slice(edit.at + edit.remove);
  return text;
}

/** Moves a place in the evaluated text back to the source. */
export function sourceOffset(source: string, evaluated: string, offset: number): number {
  const inserted = evaluated.slice(0, offset).split('_tick(').length - 1;
  return Math.max(0, Math.min(source.length, offset - inserted * '_tick('.length));
}
