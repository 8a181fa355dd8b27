/**
 * Looks at the syntax tree of a text: which fields it reads, and whether everything in it is allowed.
 *
 * What is allowed is small on purpose: fields, our helpers, `if unless each with`. The rest of Handlebars (partials,
 * decorators, triple braces, block parameters, literals as values) is refused with its place.
 */
import type { KassaflowError } from '../../../kernel/errors.ts';
import { nearest } from '../../../kernel/nearest.ts';
import { located } from '../expressions/located.ts';
import { addPath, type PathNode } from '../expressions/paths.ts';
import { ANY, fieldNames, fieldOf, type Shape } from '../shape.ts';
import { templateErrors } from './errors.ts';
import { BLOCKS, HELPERS, parseTemplate } from './handlebars.ts';
import { contextAt } from './html-context.ts';

export const LONGEST_TEMPLATE = 65_536;
const DEEPEST_LOOP = 3;

/** One path that a text reads, from the root of the scope, with its place in the text. */
export interface TemplateReading {
  readonly names: readonly string[];
  readonly start: number;
  readonly end: number;
}

export interface TemplateReport {
  readonly problems: readonly KassaflowError[];
  readonly readings: readonly TemplateReading[];
}

/** What a name inside a block stands for: a shape, and the path to it from the root when there is one path. */
interface Frame {
  readonly shape: Shape;
  readonly path: readonly string[] | undefined;
}

/**
 * @param roots the shape of the scope; "any" accepts every field
 * @param html  the text is HTML: places where escaping does not protect are refused
 */
export function checkTemplate(source: unknown, roots: Shape, html = false): TemplateReport {
  if (typeof source !== 'string') return { problems: [templateErrors.type({ found: typeof source })], readings: [] };
  if (source.length > LONGEST_TEMPLATE) return { problems: [templateErrors['too-long']({ found: source.length })], readings: [] };
  try {
    const walk = new Walk(source, html);
    walk.program(parseTemplate(source), [{ shape: roots, path: [] }], 0);
    return walk;
  } catch (error) {
    return { problems: [syntaxProblem(error, source)], readings: [] };
  }
}

/** Adds what a text reads to a path tree. */
export function addReadings(paths: PathNode, readings: readonly TemplateReading[]): void {
  for (const { names } of readings) addPath(paths, names);
}

class Walk implements TemplateReport {
  readonly problems: KassaflowError[] = [];
  readonly readings: TemplateReading[] = [];
  readonly #lines: readonly number[];

  constructor(
    readonly source: string,
    readonly html: boolean,
  ) {
    this.#lines = [...source.matchAll(/\n/g)].map(({ index }) => index + 1);
  }

  program(node: hbs.AST.Program | undefined, frames: readonly Frame[], loops: number): void {
    if (node?.blockParams?.length) this.#refuse('unsupported', node, { found: `as |${node.blockParams.join(' ')}|` });
    for (const statement of node?.body ?? []) this.#statement(statement, frames, loops);
  }

  #statement(node: hbs.AST.Statement, frames: readonly Frame[], loops: number): void {
    switch (node.type) {
      case 'ContentStatement':
      case 'CommentStatement':
        return;
      case 'MustacheStatement':
        return this.#mustache(node as hbs.AST.MustacheStatement, frames);
      case 'BlockStatement':
        return this.#block(node as hbs.AST.BlockStatement, frames, loops);
      case 'PartialStatement':
      case 'PartialBlockStatement':
        return this.#refuse('partial', node);
      case 'Decorator':
      case 'DecoratorBlock':
        return this.#refuse('decorator', node);
      default:
        return this.#refuse('unsupported', node, { found: node.type });
    }
  }

  #mustache(node: hbs.AST.MustacheStatement, frames: readonly Frame[]): void {
    if (!node.escaped) return this.#refuse('raw', node);
    const helper = this.#call(node, frames);
    if (!helper && isPath(node.path)) this.#single(node.path, frames);
    if (!this.html) return;
    const { start } = this.#range(node);
    const context = contextAt(this.source.slice(0, start));
    if (context === 'script') this.#refuse('context', node);
    if (context === 'unquoted' || (context === 'address' && helper !== 'link')) this.#refuse('attribute', node);
  }

  #block(node: hbs.AST.BlockStatement, frames: readonly Frame[], loops: number): void {
    const name = isPath(node.path) ? node.path.original : '';
    const [subject] = node.params;
    if (!BLOCKS.has(name)) return this.#refuse('helper', node.path, { name, nearest: nearest(name, BLOCKS) });
    if (node.params.length !== 1 || !subject)
      return this.#refuse('syntax', node, { found: `{{#${name}}}`, accepted: `{{#${name} something}}` });
    if (name === 'each' && loops + 1 > DEEPEST_LOOP) return this.#refuse('budget', node, { nested: loops + 1, limit: DEEPEST_LOOP });
    const target = isPath(subject) ? this.#resolve(subject, frames) : undefined;
    if (!target && !isPath(subject)) this.#value(subject, frames);
    const inner = innerFrame(name, target, frames);
    this.program(node.program, inner ? [...frames, inner] : frames, loops + (name === 'each' ? 1 : 0));
    this.program(node.inverse, frames, loops);
  }

  /** A helper with its values. Gives its name, or nothing when the node is a plain field. */
  #call(node: hbs.AST.MustacheStatement | hbs.AST.SubExpression, frames: readonly Frame[]): string | undefined {
    if (!isPath(node.path)) {
      this.#refuse('syntax', node, { found: this.#text(node) });
      return 'literal';
    }
    const name = node.path.original;
    const takesValues = node.params.length > 0 || Boolean(node.hash?.pairs.length);
    if (!takesValues && !Object.hasOwn(HELPERS, name)) return undefined;
    const count = Object.hasOwn(HELPERS, name) ? HELPERS[name] : undefined;
    if (!count) this.#refuse('helper', node.path, { name, nearest: nearest(name, Object.keys(HELPERS)) });
    else if (node.params.length < count[0] || node.params.length > count[1])
      this.#refuse('syntax', node, {
        found: this.#text(node),
        accepted:
          node.params.length === 0
            ? `{{ this.${name} }} for a field, {{ ${name} … }} for the helper`
            : `${count[0] === count[1] ? count[0] : `${count[0]} to ${count[1]}`} values after ${name}`,
      });
    if (node.hash?.pairs.length) this.#refuse('unsupported', node, { found: `${node.hash.pairs[0]?.key}=` });
    node.params.forEach((param) => this.#value(param, frames));
    return name;
  }

  #value(node: hbs.AST.Expression, frames: readonly Frame[]): void {
    if (isPath(node)) this.#resolve(node, frames);
    else if (node.type === 'SubExpression') this.#call(node as hbs.AST.SubExpression, frames);
  }

  /** A field that is printed must be a single value, and an amount needs its helper. */
  #single(node: hbs.AST.PathExpression, frames: readonly Frame[]): void {
    const target = this.#resolve(node, frames);
    if (target?.shape.kind === 'money') this.#refuse('object', node, { found: node.original, accepted: `{{ money ${node.original} }}` });
    else if (target && ['object', 'list', 'map'].includes(target.shape.kind))
      this.#refuse('object', node, {
        found: node.original,
        accepted:
          fieldNames(target.shape)
            .map((name) => `${node.original}.${name}`)
            .slice(0, 6)
            .join(', ') || '{{ join … }}',
      });
  }

  #resolve(node: hbs.AST.PathExpression, frames: readonly Frame[]): Frame | undefined {
    if (node.data) {
      if (!['index', 'first', 'last', 'key'].includes(node.parts[0] ?? '') || node.parts.length > 1)
        this.#refuse('unsupported', node, { found: node.original });
      return undefined;
    }
    let frame = frames.at(-1 - node.depth);
    if (!frame) {
      this.#refuse('unknown-field', node, { name: node.original });
      return undefined;
    }
    for (const part of node.parts) {
      const shape: Shape | undefined = FORBIDDEN.has(part) ? undefined : fieldOf(frame.shape, part);
      if (!shape) {
        const names = fieldNames(frame.shape);
        const owner = frame.path?.join('.');
        this.#refuse('unknown-field', node, {
          name: part,
          of: owner || undefined,
          nearest: nearest(part, names),
          fields: names.slice(0, 12).join(', ') || undefined,
        });
        return undefined;
      }
      frame = { shape, path: frame.path && [...frame.path, part] };
    }
    if (frame.path?.length) this.readings.push({ names: frame.path, ...this.#range(node) });
    return frame;
  }

  #refuse(name: keyof typeof templateErrors, node: hbs.AST.Node, facts: Readonly<Record<string, string | number | undefined>> = {}): void {
    const { start, end } = this.#range(node);
    this.problems.push(located(templateErrors[name](facts), start, end));
  }

  #range({ loc }: hbs.AST.Node): { start: number; end: number } {
    return { start: this.#offset(loc.start), end: this.#offset(loc.end) };
  }

  #offset({ line, column }: hbs.AST.Position): number {
    return (line <= 1 ? 0 : (this.#lines[line - 2] ?? 0)) + column;
  }

  #text(node: hbs.AST.Node): string {
    const { start, end } = this.#range(node);
    return this.source.slice(start, Math.min(end, start + 60));
  }
}

const FORBIDDEN = new Set(['__proto__', 'constructor', 'prototype']);

function innerFrame(block: string, target: Frame | undefined, frames: readonly Frame[]): Frame | undefined {
  if (block === 'if' || block === 'unless') return undefined;
  if (!target) return { shape: ANY, path: undefined };
  if (block === 'with') return target;
  const items = target.shape.kind === 'list' ? target.shape.items : target.shape.kind === 'map' ? target.shape.values : ANY;
  // The list itself is read whole, so paths inside need not be followed.
  return frames.length > 0 ? { shape: items, path: undefined } : undefined;
}

function isPath(node: hbs.AST.Node): node is hbs.AST.PathExpression {
  return node.type === 'PathExpression';
}

function syntaxProblem(error: unknown, source: string): KassaflowError {
  const message = error instanceof Error ? error.message : '';
  const line = Number(/on line (\d+)/.exec(message)?.[1] ?? 1);
  const start = line <= 1 ? 0 : source.split('\n', line - 1).join('\n').length + 1;
  const open = source.indexOf('{{', start);
  const at = open >= 0 ? open : start;
  const problem = /(?:Expecting|doesn't match)[^\n]*/.exec(message)?.[0].slice(0, 60);
  return located(
    templateErrors.syntax(
      { problem: problem?.startsWith('doesn') ? 'an opening and a closing part do not match' : undefined },
      { cause: error },
    ),
    at,
    Math.min(source.length, at + 20),
  );
}
