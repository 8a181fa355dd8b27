/**
 * Lists come in pages with an opaque cursor: where the page before ended, bound to the filters it was made with.
 *
 * A cursor is not a secret and grants nothing (row security decides what is seen); its check value only turns an edited or
 * mixed-up one into a clear answer. No offsets: rows added meanwhile neither repeat nor vanish.
 */
import { hash } from 'node:crypto';
import { z } from 'zod';
import { requestErrors } from './request-errors.ts';

/** What every list route takes: spread it into the route's query schema, `z.strictObject({ ...pageFields, state: … })`. */
export const pageFields = {
  limit: z.coerce.number().int().min(1).max(200).default(50).meta({ description: 'How many items at most' }),
  cursor: z.string().max(2_000).optional().meta({ description: 'nextCursor of the page before' }),
};

/** A page as it goes over the wire. `nextCursor` is null on the last. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
}

/** The filters of a list, as far as given. */
export type PageFilter = Readonly<Record<string, string | number | boolean | undefined>>;

/** Where a page ended: the sort values of its last row as text, the unique one last. */
export type Position = readonly string[];

/** Reads a cursor: the position to go on after, or `undefined` for the first page. @throws request.cursor */
export function readCursor(cursor: string | undefined, filter: PageFilter = {}): Position | undefined {
  if (cursor === undefined) return undefined;
  const text = Buffer.from(cursor, 'base64url').toString('utf8');
  const position = text.slice(CHECK_LENGTH).split('\n');
  if (text.length <= CHECK_LENGTH || cursorOf(position, filter) !== cursor) throw requestErrors.cursor();
  return position;
}

/**
 * Makes a page of the rows of a query with `limit + 1`: the row too many only says that there is more.
 *
 * @param position the sort values of a row, as `order by` has them; none holds a line break
 */
export function pageOf<Row, Item>(
  rows: readonly Row[],
  page: { readonly limit: number; readonly filter?: PageFilter },
  position: (row: Row) => Position,
  item: (row: Row) => Item,
): Page<Item> {
  const shown = rows.slice(0, page.limit);
  const last = shown.at(-1);
  const more = rows.length > page.limit && last !== undefined;
  return { items: shown.map(item), nextCursor: more ? cursorOf(position(last), page.filter ?? {}) : null };
}

const CHECK_LENGTH = 12;

function cursorOf(position: Position, filter: PageFilter): string {
  const body = position.join('\n');
  const filters = Object.entries(filter)
    .filter(([, value]) => value !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  const check = hash('sha256', JSON.stringify([body, filters]), 'base64url').slice(0, CHECK_LENGTH);
  return Buffer.from(check + body, 'utf8').toString('base64url');
}
