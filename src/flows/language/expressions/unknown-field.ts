/** Names that do not exist where they are read, with the nearest one that does. */
import { nearest } from '../../../kernel/nearest.ts';
import { fieldNames, fieldOf, type Shape } from '../shape.ts';
import type { Reading } from './analysis.ts';
import type { TextProblem } from './text-problem.ts';

/** The first name of a path that does not exist. */
export function readingProblem({ names, start, end }: Reading, roots: Shape, source: string): TextProblem | undefined {
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
