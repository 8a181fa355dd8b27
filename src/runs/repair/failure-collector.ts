/**
 * Writes down which runs failed or need a person, by fingerprint.
 *
 * It reads the event log behind the engine, because a run is not to pay for the table in which its failure is looked up. Every
 * such run has recorded `run.failed` or `run.needs-attention` in the flush that says so. Rows and cursor move in one transaction,
 * so nothing is missed; only the process whose transaction locks the cursor works on it.
 */
import { Injectable } from '@nestjs/common';
import { uuidOf } from '../../kernel/ids.ts';
import { EnginePool } from '../../platform/database/engine-pool.ts';
import { IN_EVERY_PROCESS, RegularWork } from '../../platform/regular-work.ts';
import type { RunReason } from '../run.ts';
import { groupOf } from './fingerprint.ts';

interface NewsRow {
  readonly up_to: string | null;
  /** `run_…` of every run that the events are about. */
  readonly runs: readonly string[] | null;
}

interface TroubledRow {
  readonly id: string;
  readonly tenant_id: string;
  readonly flow: string;
  readonly reason: RunReason | null;
  readonly kind: string | null;
  readonly asked: string | null;
  readonly step: string | null;
  readonly at: Date;
}

const LOOK_MS = 1_000;
/** Events per look: at this number the next look follows at once. */
const BATCH = 20_000;
const PRUNE_EVERY = 600;

@Injectable()
export class FailureCollector extends RegularWork {
  #looks = 0;
  #hasCursor = false;

  constructor(private readonly pool: EnginePool) {
    super(IN_EVERY_PROCESS, { context: 'runs', everyMs: LOOK_MS, problem: 'collecting failures is tried again', level: 'warn' });
  }

  /** Brings the table up to the end of the log. @returns how many runs were written down */
  async collect(): Promise<number> {
    if (!this.#hasCursor) await this.pool.query(MAKE_CURSOR);
    this.#hasCursor = true;
    let total = 0;
    for (;;) {
      const { runs, more } = await this.#collectBatch();
      total += runs;
      if (!more) return total;
    }
  }

  /** Forgets runs that are in trouble no more, and those that retention has dropped. */
  async prune(): Promise<void> {
    await this.pool.query(PRUNE_FAILURES);
    await this.pool.query(PRUNE_GROUPS);
  }

  protected override async doDue(): Promise<void> {
    await this.collect();
    this.#looks += 1;
    if (this.#looks % PRUNE_EVERY === 0) await this.prune();
  }

  async #collectBatch(): Promise<{ runs: number; more: boolean }> {
    const client = await this.pool.connect();
    let broken = true;
    try {
      await client.query('begin');
      const { rows: cursors } = await client.query<{ seq: string }>(LOCK_CURSOR);
      const [cursor] = cursors;
      const [news] = cursor ? (await client.query<NewsRow & { events: number }>(NEWS, [cursor.seq, BATCH])).rows : [];
      if (!news || news.up_to === null) {
        await client.query('rollback');
        broken = false;
        return { runs: 0, more: false };
      }
      const ids = [...new Set(news.runs ?? [])].map((id) => uuidOf('run', id));
      const { rows } = ids.length > 0 ? await client.query<TroubledRow>(TROUBLED, [ids]) : { rows: [] };
      if (rows.length > 0) await client.query(WRITE, [JSON.stringify(rows.map(failureOf))]);
      await client.query(MOVE_CURSOR, [news.up_to]);
      await client.query('commit');
      broken = false;
      return { runs: rows.length, more: news.events === BATCH };
    } finally {
      // A transaction that was left open ends with its connection.
      client.release(broken);
    }
  }
}

function failureOf({ id, tenant_id, flow, reason, kind, asked, step, at }: TroubledRow): object {
  const failure =
    kind === null
      ? { step: reason?.step ?? '', code: reason?.code ?? '', message: reason?.message ?? '' }
      : { step: step ?? '', code: kind, message: asked ?? '' };
  return { run_id: id, tenant_id, at, ...groupOf({ flow, ...failure }) };
}

const MAKE_CURSOR = `insert into event_cursor (subscriber, seq) values ('dead-letters', 0) on conflict do nothing`;
/** Nothing comes back while another process has it. */
const LOCK_CURSOR = `select seq::text from event_cursor where subscriber = 'dead-letters' for update skip locked`;
const MOVE_CURSOR = `update event_cursor set seq = $1::bigint, updated_at = now() where subscriber = 'dead-letters'`;

/** Payloads of other events are not read: this runs over every event there is. */
const NEWS = `
select max(seq)::text as up_to, count(*)::int as events,
  array_agg(data -> 'run' ->> 'id') filter (where type in ('run.failed', 'run.needs-attention') and source = '/kassaflow/flows') as runs
from (select seq, type, source, data from event where seq > $1::bigint and seq < event_horizon() order by seq limit $2) as news`;

/** What became of them until now; of several open questions the oldest counts. */
const TROUBLED = `
select r.id::text, r.tenant_id::text, coalesce(f.name, '') as flow, r.reason, a.kind, a.step, a.detail ->> 'message' as asked,
  coalesce(a.since, r.finished_at, r.started_at) as at
from run r left join flow f on f.id = r.flow_id
left join lateral (
  select kind, step, detail, since from run_attention a where a.run_id = r.id and a.resolved_at is null and r.status = 'attention' order by since limit 1
) a on true
where r.id = any ($1::uuid[]) and r.status in ('failed', 'attention')`;

const WRITE = `
with news as (
  select * from json_to_recordset($1::json)
    as n(run_id uuid, tenant_id uuid, at timestamptz, fingerprint text, flow text, step text, code text, message text)
), groups as (
  insert into failure_group (tenant_id, fingerprint, flow, step, code, message, first_at)
  select distinct on (tenant_id, fingerprint) tenant_id, fingerprint, flow, step, code, message, at from news
  order by tenant_id, fingerprint, at
  on conflict do nothing
)
insert into run_failure (run_id, tenant_id, fingerprint, at)
select run_id, tenant_id, fingerprint, at from news
on conflict (run_id) do update set fingerprint = excluded.fingerprint, at = excluded.at`;

const PRUNE_FAILURES = `
delete from run_failure f where at < clock_timestamp() - interval '1 hour'
and not exists (select from run r where r.id = f.run_id and r.status in ('failed', 'attention', 'running', 'waiting'))`;
const PRUNE_GROUPS = `
delete from failure_group g where first_at < clock_timestamp() - interval '1 hour'
and not exists (select from run_failure f where f.tenant_id = g.tenant_id and f.fingerprint = g.fingerprint)`;
