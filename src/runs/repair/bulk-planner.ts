/** Reads the journals of the selected runs and adds up what a bulk job would do to them. */
import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '../../kernel/clock.ts';
import { CLOCK } from '../../platform/clock.ts';
import { Database } from '../../platform/database/transaction.ts';
import { ActionDoor } from '../../plugin-host/action-call.ts';
import type { JournalEntry } from '../journal-entry.ts';
import type { RunStatus } from '../run.ts';
import { ActionRulesOf } from './action-rules.ts';
import { BulkPlanSum, type BulkAction, type BulkPlan } from './bulk-plan.ts';
import { MovableRuns } from './movable-runs.ts';
import { planRun, type RunPlan } from './run-plan.ts';

interface SelectedRow {
  readonly position: number;
  readonly run_id: string;
  readonly status: RunStatus;
  readonly entries: readonly (readonly JournalEntry[])[] | null;
}

/** Journals in memory at once: a run's is a few kilobytes. */
const BATCH = 500;

@Injectable()
export class BulkPlanner {
  constructor(
    private readonly database: Database,
    private readonly door: ActionDoor,
    private readonly movable: MovableRuns,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Plans every run of the job, and writes each one's category down. */
  async plan(tenantId: string, jobId: string, action: BulkAction): Promise<BulkPlan> {
    const sum = new BulkPlanSum();
    const rules = new ActionRulesOf(this.door);
    const now = this.clock.now().getTime();
    for (let after = 0; ; after += BATCH) {
      const rows = await this.database.transact(tenantId, (tx) => tx.query<SelectedRow>(JOURNALS, [jobId, after, after + BATCH]));
      if (rows.length === 0) return sum.plan;
      const plans: (RunPlan & { readonly position: number })[] = [];
      for (const { position, run_id, status, entries } of rows) {
        const journal = (entries ?? []).flat();
        const plan = action === 'move' ? await this.#planMove(tenantId, run_id, status) : planRun(action, status, journal, rules.of, now);
        plans.push({ position, ...plan });
        sum.add(plan);
      }
      const unusual = plans.filter(({ category }) => category !== 'safe').map(({ position, category }) => ({ position, category }));
      if (unusual.length > 0) await this.database.transact(tenantId, (tx) => tx.query(CATEGORIES, [jobId, JSON.stringify(unusual)]));
    }
  }

  async #planMove(tenantId: string, runId: string, status: RunStatus): Promise<RunPlan> {
    const answer = status === 'waiting' || status === 'attention' ? await this.movable.check(tenantId, runId) : undefined;
    return { category: answer?.movable === true ? 'safe' : 'impossible', steps: [] };
  }
}

const JOURNALS = `
select b.position, b.run_id, b.status, (select json_agg(entries order by seq) from run_journal j where j.run_id = b.run_id) as entries
from bulk_job_run b where b.job_id = $1 and b.position > $2 and b.position <= $3 order by b.position`;
const CATEGORIES = `
update bulk_job_run b set category = c.category
from jsonb_to_recordset($2::jsonb) as c(position int, category text) where b.job_id = $1 and b.position = c.position`;
