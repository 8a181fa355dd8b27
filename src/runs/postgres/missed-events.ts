/** What a run that stood in line has not heard. */
import type pg from 'pg';
import type { RunEvent, RunFacts } from '../run.ts';
import type { EventWatch } from '../run-context.ts';
import { MISSED_EVENTS } from './queries/missed-events.ts';

interface EventRow {
  readonly id: string;
  readonly type: string;
  readonly occurred_at: Date;
  readonly data: Readonly<Record<string, unknown>>;
  readonly seq: string;
}

const PAGE = 1_000;

/** Events after the one that started the run which one of `watches` may mean, oldest first. Whether it does is for the run to say. */
export async function readMissed(
  pool: Pick<pg.Pool, 'query'>,
  { tenantId, event }: RunFacts,
  watches: readonly EventWatch[],
): Promise<readonly RunEvent[]> {
  const types = [...new Set(watches.flatMap(({ events }) => events))];
  const keys = watches.every(({ key }) => key !== undefined) ? watches.map(({ key }) => key) : null;
  const found: RunEvent[] = [];
  for (let after = '0', full = true; full;) {
    const { rows } = await pool.query<EventRow>(MISSED_EVENTS, [tenantId, event?.id, types, after, PAGE, keys]);
    found.push(...rows.map(({ id, type, occurred_at: occurredAt, data }) => ({ id, type, occurredAt, data })));
    full = rows.length === PAGE;
    after = rows.at(-1)?.seq ?? after;
  }
  return found;
}
