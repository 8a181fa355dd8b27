/** What the program still has to do when the storm is over, told by kind and reason, and the wait until nothing is left. */
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';

/** What may be left, and where it stands. Each query gives the thing in `it`, and why it is there in `why`. */
export const LEFT: Readonly<Record<string, string>> = {
  'runs without an end': `
    select r.id::text || ' ' || r.status as it, concat_ws(' ', f.name, r.status, case when r.epoch <> 0 then 'in memory' end) as why
    from run r join flow f on f.id = r.flow_id where r.finished_at is null`,
  'rows that runs left behind': `
    select 'timer of ' || run_id as it, case when wake_at > clock_timestamp() then 'timer' else 'timer that is due' end as why from run_timer
    union all select 'wait of ' || run_id, 'wait for ' || event_type from run_wait
    union all select 'signal for ' || run_id, 'signal: ' || kind from run_signal
    union all select 'turn of ' || run_id, 'in line' from run_queue union all select 'key of ' || run_id, 'key' from run_key`,
  'commands without an answer': `select id || ' ' || kind as it, 'command ' || kind as why from run_command where handled_at is null`,
  'deliveries not applied': `select id::text || ' ' || state as it, 'delivery ' || state as why from inbox where next_at is not null or state = 'failed'`,
  'payments to be asked about': `select payment_id::text as it, 'payment to be asked about' as why from payment_check where next_at <= clock_timestamp()`,
  'calls without an outcome': `select payment_id::text as it, 'call for a payment' as why from payment_attempt where next_at is not null`,
  'questions to people': `select run_id::text || ' ' || kind as it, 'question: ' || kind as why from run_attention where resolved_at is null`,
  'events not delivered': `
    select id::text || ' ' || type as it, 'event not delivered' as why from event where not routed and seq > (select min(seq) from event_cursor)`,
};

/** How much there is of each kind; empty when all is done. */
export async function openWork(database: pg.Client): Promise<ReadonlyMap<string, number>> {
  const { rows } = await database.query<{ why: string; n: number }>(
    `select why, count(*)::int as n from (${Object.values(LEFT)
      .map((query) => `select why from (${query}) as x`)
      .join(' union all ')}) as y group by 1 order by 2 desc, 1`,
  );
  return new Map(rows.map(({ why, n }) => [why, n]));
}

/** Runs that have not ended, oldest first. */
export async function openRuns(database: pg.Client, most: number): Promise<readonly string[]> {
  const { rows } = await database.query<{ id: string }>('select id::text from run where finished_at is null order by id limit $1', [most]);
  return rows.map(({ id }) => id);
}

export interface Calm {
  readonly ms: number;
  /** What was still open when the time was over; empty when calm was reached. */
  readonly open: ReadonlyMap<string, number>;
}

const LOOK_MS = 500;
/** So often nothing must be left, one look after the other: a run may just be between two rows. */
const QUIET_LOOKS = 3;
const TELL_MS = 10_000;

/**
 * Waits until nothing is left to do, and says every ten seconds what is. It gives up when for `mostMs` no less was left than before.
 *
 * @param outside how many events are still to come
 */
export async function becomeCalm(
  look: <T>(work: (client: pg.Client) => Promise<T>) => Promise<T>,
  outside: () => number,
  mostMs: number,
  say: (line: string) => void,
): Promise<Calm> {
  const began = performance.now();
  let open: ReadonlyMap<string, number> = new Map();
  for (let quiet = 0, told = began, least = Infinity, since = began; quiet < QUIET_LOOKS;) {
    const left = open.size === 0 ? Infinity : [...open.values()].reduce((sum, count) => sum + count, 0);
    if (left < least) [least, since] = [left, performance.now()];
    if (performance.now() - since > mostMs) return { ms: performance.now() - began, open };
    await sleep(LOOK_MS);
    open = await look(openWork).catch((error: unknown) => new Map([[`the database does not answer: ${String(error)}`, Infinity]]));
    if (outside() > 0) open = new Map([...open, ['events to be sent', outside()]]);
    quiet = open.size === 0 ? quiet + 1 : 0;
    if (open.size > 0 && performance.now() - told > TELL_MS) {
      told = performance.now();
      say(`still open: ${listOf(open)}`);
    }
  }
  return { ms: performance.now() - began, open };
}

export function listOf(counts: ReadonlyMap<string, number>): string {
  return [...counts].map(([name, count]) => `${name} ${count}`).join(', ');
}
