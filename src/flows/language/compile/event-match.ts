/**
 * Which events a `wait-for` or `stop-on` means, in the form that finds waits quickly: a field of the arriving event and the
 * value that it must have.
 */
import type { EventMatch, Expression } from '../compiled-flow.ts';
import { equalitiesWith } from '../expressions/equalities.ts';
import { SUBJECT_WORDS } from '../names.ts';
import { fieldOf, type Shape } from '../shape.ts';
import type { Text } from '../syntax.ts';
import type { TextCompiler } from './text-compiler.ts';

/** What was written about the events. */
export interface MatchSyntax {
  readonly where?: Text;
  readonly same?: Text;
}

/** Kinds whose equality is the equality of what JSON holds; amounts and moments have several spellings. */
const KEYS: ReadonlySet<Shape['kind']> = new Set(['string', 'int', 'bool', 'any']);

/**
 * @param texts what the run sees; `event` is the one that started it
 * @param arriving the shape of the events that are waited for
 * @param onePer of the flow, used when nothing else says which event is meant
 */
export function compileMatch({ where, same }: MatchSyntax, onePer: Text | undefined, texts: TextCompiler, arriving: Shape): EventMatch {
  const there = texts.seeing({ event: arriving });
  const condition = there.condition(where);
  const key = same ? identityKey(same.text, same, texts) : where && keyOfWhere(where, texts, arriving);
  if (same || where) return { ...(key && { key }), ...(condition && { where: condition }) };
  if (!onePer) return {};
  const subject = subjectOfIdentity(onePer.text);
  if (subject !== undefined) return { key: identityKey(subject, onePer, texts) };
  return { onePer: there.expression(onePer) };
}

/** `payment` of `payment.id` and of `event.payment.id`. */
export function subjectOfIdentity(expression: string): string | undefined {
  const [, subject] = /^\s*(?:event\.)?([a-z]+)\.id\s*$/.exec(expression) ?? [];
  return SUBJECT_WORDS.find((word) => word === subject);
}

/** The id of a subject in the run's own event: an identity never changes, so nothing need be read for it. */
export function identityOf(subject: string, event: Shape | undefined): string {
  const inEvent = event?.kind === 'object' ? event.fields[subject] : undefined;
  return inEvent && fieldOf(inEvent, 'id') ? `event.${subject}.id` : `${subject}.id`;
}

function identityKey(subject: string, at: Text, texts: TextCompiler): NonNullable<EventMatch['key']> {
  const value = texts.expression({ text: identityOf(subject, texts.shapes['event']), at: at.at });
  return { path: `${subject}.id`, value };
}

/** An equality in `where` is also a key; the whole condition is still evaluated. Ids are the narrowest, so they come first. */
function keyOfWhere(where: Text, texts: TextCompiler, arriving: Shape): { path: string; value: Expression } | undefined {
  const equalities = equalitiesWith('event', where.text).filter(({ path }) => KEYS.has(shapeAt(arriving, path).kind));
  const best = equalities.find(({ path }) => path.at(-1) === 'id') ?? equalities[0];
  return best && { path: best.path.join('.'), value: texts.expression({ text: best.value, at: where.at + best.start }) };
}

function shapeAt(shape: Shape, path: readonly string[]): Shape {
  return path.reduce<Shape>((at, name) => fieldOf(at, name) ?? { kind: 'any' }, shape);
}
