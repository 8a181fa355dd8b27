/**
 * Steps that rest until a switch is released or the tenant's caps change: one row each, and nothing in memory.
 *
 * A row is written before its step rests, and goes when the step's next intent is on disk, or its run is over. Whoever wakes steps
 * ({@link ParkedSteps.freed}) may so be told of one that already goes on, and finds that there is nothing to do.
 */
import { Inject, Injectable } from '@nestjs/common';
import { EnginePool } from '../platform/database/engine-pool.ts';
import { StatementBatch, untilAnswered } from './statement-batch.ts';

export interface ParkedStep {
  /** `uuid`. */
  readonly runId: string;
  readonly step: string;
}

/** Why it rests: a switch, or a cap under a version of the tenant's settings. */
export type ParkedBy = { readonly switchId: string } | { readonly settingsVersion: number };

type Draft = ParkedStep & { readonly tenantId: string; readonly by: ParkedBy };

/** Where a page of freed steps ended. */
export interface FreedPosition extends ParkedStep {
  /** As the database writes it, to the microsecond. */
  readonly since: string;
}

@Injectable()
export class ParkedSteps {
  readonly #adding: StatementBatch<Draft, { readonly holds: boolean }>;
  readonly #removing: StatementBatch<ParkedStep, true>;

  constructor(@Inject(EnginePool) private readonly pool: Pick<EnginePool, 'query'>) {
    this.#adding = new StatementBatch(async (drafts) => {
      const rows = JSON.stringify(drafts.map(rowOf));
      await pool.query(ADD, [rows]);
      // A statement of its own: a switch that it still sees is released later, and whoever releases it then sees the row.
      return (await pool.query<{ holds: boolean }>(STILL_HOLDS, [rows])).rows;
    });
    this.#removing = new StatementBatch(async (steps) => {
      await pool.query(
        'delete from run_parked p using jsonb_to_recordset($1::jsonb) as r(run uuid, step text) where p.run_id = r.run and p.step = r.step',
        [JSON.stringify(steps.map(({ runId, step }) => ({ run: runId, step })))],
      );
      return steps.map(() => true);
    });
  }

  /** @returns false when what parked it is gone already: the step may go on */
  async add(draft: Draft): Promise<boolean> {
    const { holds } = await this.#adding.add(draft);
    if (!holds) await this.remove(draft);
    return holds;
  }

  async remove({ runId, step }: ParkedStep): Promise<void> {
    await this.#removing.add({ runId, step });
  }

  /** Steps that nothing holds any more, oldest first, after `position`; rows of runs that are over are removed on the way. */
  async freed(position: FreedPosition | undefined, most: number): Promise<readonly FreedPosition[]> {
    const { since = '-infinity', runId = NO_RUN, step = '' } = position ?? {};
    return untilAnswered(async () => {
      if (!position) await this.pool.query(FORGET);
      const { rows } = await this.pool.query<{ run_id: string; step: string; since: string }>(FREED, [since, runId, step, most]);
      return rows.map((row) => ({ runId: row.run_id, step: row.step, since: row.since }));
    });
  }
}

const NO_RUN = '00000000-0000-0000-0000-000000000000';

const ADD = `
insert into run_parked (run_id, step, tenant_id, switch_id, settings_version)
select run, step, tenant, switch, version
from jsonb_to_recordset($1::jsonb) as r(run uuid, step text, tenant uuid, switch uuid, version integer)
on conflict (run_id, step) do update set switch_id = excluded.switch_id, settings_version = excluded.settings_version`;

const STILL_HOLDS = `
select case when r.switch is not null then exists (select from kill_switch s where s.id = r.switch)
  else coalesce((select g.version from guard_settings g where g.tenant_id = r.tenant), 0) = r.version end as holds
from jsonb_to_recordset($1::jsonb) as r(i integer, tenant uuid, switch uuid, version integer) order by r.i`;

const FREED = `
select p.run_id, p.step, p.since::text from run_parked p
where (p.since, p.run_id, p.step) > ($1::timestamptz, $2::uuid, $3::text)
  and case when p.switch_id is not null then not exists (select from kill_switch s where s.id = p.switch_id)
    else coalesce((select g.version from guard_settings g where g.tenant_id = p.tenant_id), 0) <> p.settings_version end
order by p.since, p.run_id, p.step limit $4`;

const FORGET = `
delete from run_parked p using run r
where r.id = p.run_id and r.status in ('completed', 'stopped', 'failed', 'cancelled')`;

function rowOf({ runId, step, tenantId, by }: Draft, i: number): object {
  return {
    i,
    run: runId,
    step,
    tenant: tenantId,
    switch: 'switchId' in by ? by.switchId : null,
    version: 'settingsVersion' in by ? by.settingsVersion : null,
  };
}
