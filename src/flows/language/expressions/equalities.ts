/** Equalities that must hold for a condition to hold: what a wait can be found by. */
import type { ASTNode } from '@marcbachmann/cel-js';
import { analyse, pathOf } from './analysis.ts';
import { flowEnvironment } from './environment.ts';

/** `event.payment.id == steps.request.payment`: a field under the root, and an expression that does not read the root. */
export interface Equality {
  /** Without the root. At least one name. */
  readonly path: readonly string[];
  readonly value: string;
  /** Of `value` in the source. */
  readonly start: number;
}

const environment = flowEnvironment(false);

/**
 * Top-level parts of `source`, joined by `&&`, that say `root.path == value` or the reverse.
 * A value that reads the present moment is none: it would be another one each time.
 * @throws expression.* when it is no expression
 */
export function equalitiesWith(root: string, source: string): readonly Equality[] {
  return conjuncts(analyse(source, environment).ast).flatMap((part) => {
    if (part.op !== '==') return [];
    const [left, right] = part.args;
    return equality(root, source, left, right) ?? equality(root, source, right, left) ?? [];
  });
}

function equality(root: string, source: string, field: ASTNode, value: ASTNode): Equality | undefined {
  const [first, ...path] = pathOf(field) ?? [];
  if (first !== root || path.length === 0) return undefined;
  const text = source.slice(value.start, value.end);
  const { paths, presences, readsNow } = analyse(text, environment);
  const reads = paths.fields.has(root) || presences.some(({ names }) => names[0] === root);
  return reads || readsNow ? undefined : { path, value: text, start: value.start };
}

function conjuncts(node: ASTNode): readonly ASTNode[] {
  return node.op === '&&' ? node.args.flatMap(conjuncts) : [node];
}
