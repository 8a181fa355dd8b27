/** Dead letters: runs that failed or need a person, grouped by what went wrong, so that an incident is one line and not a thousand. */
import { Injectable } from '@nestjs/common';
import { idOf } from '../../kernel/ids.ts';
import { Database } from '../../platform/database/transaction.ts';
import { pageOf, readCursor, type Page } from '../../platform/http/page.ts';
import type { RunReason } from '../run.ts';
import { repairErrors } from './repair-errors.ts';

/** A group as it goes over the wire. */
export interface DeadLetterView {
  readonly fingerprint: string;
  readonly flow: string;
  /** Path of the step in the flow, without rounds and elements; empty when the runs did not come to one. */
  readonly step: string;
  readonly code: string;
  /** With numbers, ids and addresses masked. */
  readonly message: string;
  /** Runs that stand here now; exact up to 10,000. */
  readonly runs: number;
  readonly more: boolean;
  readonly firstSeen: string;
  readonly lastSeen: string;
  /** The newest of the runs. */
  readonly sample: string;
}

export interface DeadRunView {
  readonly run: string;
  readonly status: 'failed' | 'attention';
  readonly reason: RunReason | null;
  readonly at: string;
}

export interface DeadLetterFilter {
  readonly flow?: string | undefined;
}

interface GroupRow {
  readonly fingerprint: string;
  readonly flow: string;
  readonly step: string;
  readonly code: string;
  readonly message: string;
  readonly runs: number;
  readonly first_at: Date;
  readonly last_at: Date;
  readonly sample: string;
}

interface RunRow {
  readonly id: string;
  readonly status: 'failed' | 'attention';
  readonly reason: RunReason | null;
  readonly at: Date;
}

/** Up to here counts are exact. */
const COUNTED = 10_000;

@Injectable()
export class DeadLetters {
  constructor(private readonly database: Database) {}

  /** The group in which something happened last comes first. */
  async list(
    tenantId: string,
    filter: DeadLetterFilter,
    page: { limit: number; cursor?: string | undefined },
  ): Promise<Page<DeadLetterView>> {
    const bound = { flow: filter.flow };
    const [at, fingerprint] = readCursor(page.cursor, bound) ?? [];
    const rows = await this.database.transact(tenantId, (tx) =>
      tx.query<GroupRow>(GROUPS, [filter.flow ?? null, at ?? null, fingerprint ?? null, page.limit + 1, COUNTED + 1]),
    );
    return pageOf(rows, { limit: page.limit, filter: bound }, (row) => [row.last_at.toISOString(), row.fingerprint], groupViewOf);
  }

  /** The runs of one group, newest first. @throws repair.no-such-group */
  async runs(tenantId: string, fingerprint: string, page: { limit: number; cursor?: string | undefined }): Promise<Page<DeadRunView>> {
    const [before] = readCursor(page.cursor, { fingerprint }) ?? [];
    const rows = await this.database.transact(tenantId, async (tx) => {
      const known = await tx.query('select from failure_group where fingerprint = $1', [fingerprint]);
      if (known.length === 0) throw repairErrors['no-such-group']();
      return tx.query<RunRow>(RUNS_OF_GROUP, [fingerprint, before ?? null, page.limit + 1]);
    });
    return pageOf(rows, { limit: page.limit, filter: { fingerprint } }, ({ id }) => [id], runViewOf);
  }
}

/** Row security adds the tenant. The moment of a cursor has milliseconds, so it is compared with no more. */
const GROUPS = `
select g.fingerprint, g.flow, g.step, g.code, g.message, o.runs, o.first_at, o.last_at, o.sample
from failure_group g cross join lateral (
  select count(*)::int as runs, min(at) as first_at, date_trunc('milliseconds', max(at)) as last_at, max(run_id::text) as sample
  from (
    select f.at, f.run_id from run_failure f join run r on r.id = f.run_id
    where f.tenant_id = g.tenant_id and f.fingerprint = g.fingerprint and r.status in ('failed', 'attention')
    order by f.run_id desc limit $5
  ) as open
) o
where o.runs > 0 and ($1::text is null or g.flow = $1) and ($2::timestamptz is null or (o.last_at, g.fingerprint) < ($2::timestamptz, $3::text))
order by o.last_at desc, g.fingerprint desc limit $4`;

const RUNS_OF_GROUP = `
select r.id, r.status, r.reason, f.at from run_failure f join run r on r.id = f.run_id
where f.fingerprint = $1 and r.status in ('failed', 'attention') and ($2::uuid is null or f.run_id < $2)
order by f.run_id desc limit $3`;

function groupViewOf({ runs, first_at, last_at, sample, fingerprint, flow, step, code, message }: GroupRow): DeadLetterView {
  return {
    fingerprint,
    flow,
    step,
    code,
    message,
    runs: Math.min(runs, COUNTED),
    more: runs > COUNTED,
    firstSeen: first_at.toISOString(),
    lastSeen: last_at.toISOString(),
    sample: idOf('run', sample),
  };
}

function runViewOf({ id, status, reason, at }: RunRow): DeadRunView {
  return { run: idOf('run', id), status, reason, at: at.toISOString() };
}
