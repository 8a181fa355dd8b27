/** How the engine of all processes stands, as the database knows it: one statement over indexes, every count bounded. */
import { boundedQuery, type QueryPool } from '../../platform/observability/reading.ts';

/** Counts stop here: whoever has more has to act, whatever the number. */
export const COUNTED_TO = 10_000;

/** How many there are, counted to {@link COUNTED_TO}, and how long the oldest has been there. */
export interface Pile {
  readonly count: number;
  /** Seconds; 0 when there is none. */
  readonly oldest: number;
}

export interface RunReadings {
  /** Timers whose moment has come, and that have not been handled. */
  readonly timersDue: Pile;
  /** Runs that wait for an event. */
  readonly waits: number;
  /** News for runs that no run has taken yet. */
  readonly signals: Pile;
  /** Runs whose turn under a one-per key has not come. */
  readonly queued: Pile;
  /** Steps that a switch or a cap holds. */
  readonly parkedBySwitch: Pile;
  readonly parkedByCap: Pile;
  /** Commands of people that no process has carried out. */
  readonly commands: Pile;
  /** Runs that wait for a person, by why. */
  readonly attention: Readonly<Record<AttentionReading, Pile>>;
  /** Calls that may or may not have been carried out, and are asked about again or wait for a person. */
  readonly inDoubt: Pile;
  /** Processes' leases that are renewed, and those that ran out and whose runs nobody has taken over. */
  readonly leasesLive: number;
  readonly leasesDead: Pile;
  /** Runs that failed or wait for a person, as the dead letters show them, and the most in one group. */
  readonly deadLetters: number;
  readonly largestGroup: number;
}

type AttentionReading = 'unknown-outcome' | 'failed' | 'connection';

interface Row {
  readonly readings: RunReadings;
}

export async function readRuns(pool: QueryPool): Promise<RunReadings> {
  const row = (await boundedQuery<Row>(pool, READ)).at(0);
  if (!row) throw new TypeError('readRuns: a statement without a row');
  return row.readings;
}

const age = (oldest: string) => `greatest(0, coalesce(extract(epoch from clock_timestamp() - ${oldest}), 0))::float8`;
const pile = (from: string, moment: string) => `(
  select jsonb_build_object('count', count(*), 'oldest', ${age('min(at)')}) from (select ${moment} as at from ${from} limit ${COUNTED_TO}) found)`;
const attention = (kind: AttentionReading) => `(
  select jsonb_build_object('count', count(*), 'oldest', ${age('min(since)')}) from open_attention where kind = '${kind}')`;

/** Timers are counted tenant by tenant, because that is how their index stands; a million that are not due cost nothing. */
const READ = `
with recursive tenant(id) as (
  (select tenant_id from run_timer order by tenant_id limit 1)
  union all
  select n.tenant_id from tenant t, lateral (select tenant_id from run_timer where tenant_id > t.id order by tenant_id limit 1) n
), due as (
  select d.wake_at as at from tenant t, lateral (
    select wake_at from run_timer where tenant_id = t.id and wake_at <= clock_timestamp() order by wake_at limit ${COUNTED_TO}) d
), open_attention as materialized (
  select kind, since from run_attention where resolved_at is null limit ${COUNTED_TO}
)
select jsonb_build_object(
  'timersDue', ${pile('due', 'at')},
  'waits', (select count(*) from (select 1 from run_wait limit ${COUNTED_TO}) found),
  'signals', ${pile('(select at from run_signal order by id) s', 'at')},
  'queued', ${pile('(select r.started_at from (select run_id from run_queue order by position) q join run r on r.id = q.run_id) s', 'started_at')},
  'parkedBySwitch', ${pile('run_parked where switch_id is not null', 'since')},
  'parkedByCap', ${pile('run_parked where switch_id is null', 'since')},
  'commands', ${pile('run_command where handled_at is null', 'requested_at')},
  'attention', jsonb_build_object(
    'unknown-outcome', ${attention('unknown-outcome')}, 'failed', ${attention('failed')}, 'connection', ${attention('connection')}),
  'inDoubt', ${pile("run where reason->>'code' = 'step.in-doubt' and finished_at is null", "(reason->>'since')::timestamptz")},
  'leasesLive', (select count(*) from engine_lease where not released and taken_by is null and expires_at > clock_timestamp()),
  'leasesDead', ${pile('engine_lease where not released and taken_by is null and expires_at <= clock_timestamp()', 'expires_at')},
  'deadLetters', (select count(*) from (select 1 from run_failure limit ${COUNTED_TO}) found),
  'largestGroup', (
    select coalesce(max(n), 0) from (
      select count(*) as n from (select tenant_id, fingerprint from run_failure limit ${COUNTED_TO}) f group by tenant_id, fingerprint) g)
) as readings`;
