/**
 * Bulk jobs: one command for many runs, in two steps.
 *
 * 1. *preview*: the server fixes the selection, reads every run's journal and says what would happen, as a plan with a version.
 * 2. *start*: names the preview and the version. When a run, or the newest revision of its flow, has changed since, the version no
 *    longer fits and nothing is done. Then the job runs at its rate until it is over, whichever process does it.
 *
 * running ⇄ paused, both → aborted; running → completed. A paused or aborted job gives no further command; commands that
 * were given are still carried out and their answers recorded.
 */
import { Inject, Injectable } from '@nestjs/common';
import { hash } from 'node:crypto';
import type { Clock } from '../../kernel/clock.ts';
import { idOf, newUuid, uuidOf } from '../../kernel/ids.ts';
import { CLOCK } from '../../platform/clock.ts';
import { Database, type Transaction } from '../../platform/database/transaction.ts';
import { pageOf, readCursor, type Page } from '../../platform/http/page.ts';
import { Audit } from '../../platform/tenancy/audit.ts';
import type { BulkAction, BulkPlan } from './bulk-plan.ts';
import { BulkPlanner } from './bulk-planner.ts';
import { digestOf, resolved, storeSelection, type Selection } from './bulk-selection.ts';
import { repairErrors } from './repair-errors.ts';
import type { Category } from './run-plan.ts';

export type BulkState = 'preview' | 'running' | 'paused' | 'completed' | 'aborted';

/** What is asked for. */
export interface BulkRequest {
  readonly action: BulkAction;
  /** What the command of every run carries besides: `undo`, `revision`, `step`, `output`. */
  readonly detail: Readonly<Record<string, unknown>>;
  readonly selection: Selection;
}

export interface BulkStart {
  readonly planVersion: string;
  /** Runs per second. */
  readonly rate: number;
  readonly reason: string;
  /** What may happen twice is meant. */
  readonly confirm: boolean;
}

/** A job as it goes over the wire. */
export interface BulkJobView {
  readonly id: string;
  readonly action: BulkAction;
  readonly detail: Readonly<Record<string, unknown>>;
  readonly selection: Selection;
  readonly status: BulkState;
  readonly total: number;
  readonly plan: BulkPlan;
  readonly planVersion: string;
  readonly rate: number;
  readonly reason: string;
  /** Runs by what has become of them. */
  readonly progress: Readonly<Record<ResultState, number>>;
  readonly previewedAt: string;
  readonly startedBy: string | null;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
}

/** `changed`: the run had moved on since the preview; `left`: the job was aborted before it, or nothing could be done. */
export type ResultState = 'pending' | 'sent' | 'done' | 'refused' | 'changed' | 'left';

export interface BulkResultView {
  readonly run: string;
  readonly category: Category;
  readonly status: ResultState;
  /** Code of the error, for one that was refused. */
  readonly answer: string | null;
}

interface JobRow {
  readonly id: string;
  readonly action: BulkAction;
  readonly detail: Readonly<Record<string, unknown>>;
  readonly selection: Selection;
  readonly state: BulkState;
  readonly total: number;
  readonly plan: BulkPlan;
  readonly plan_version: string;
  readonly rate: number;
  readonly reason: string;
  readonly previewed_at: Date;
  readonly started_by: string | null;
  readonly started_at: Date | null;
  readonly finished_at: Date | null;
}

const COLUMNS =
  'id, action, detail, selection, state, total, plan, plan_version, rate, reason, previewed_at, started_by, started_at, finished_at';
/** A key that was safe at the preview may be forgotten later, so a preview is not good for ever. */
const GOOD_FOR_MS = 15 * 60_000;

@Injectable()
export class BulkJobs {
  constructor(
    private readonly database: Database,
    private readonly planner: BulkPlanner,
    private readonly audit: Audit,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Fixes the selection and says what would happen. @throws repair.nothing-selected, repair.too-many, id.format */
  async preview(tenantId: string, { action, detail, selection }: BulkRequest, by: string): Promise<BulkJobView> {
    const id = newUuid();
    const fixed = resolved(selection, this.clock.now());
    const basis = await this.database.transact(tenantId, async (tx) => {
      await tx.query(INSERT_JOB, [id, tenantId, action, JSON.stringify(detail), JSON.stringify(fixed), by]);
      const total = await storeSelection(tx, id, fixed);
      await tx.query('update bulk_job set total = $2 where id = $1', [id, total]);
      return digestOf(tx, id);
    });
    const plan = await this.planner.plan(tenantId, id, action);
    const version = hash('sha256', JSON.stringify([action, detail, plan, basis]), 'hex').slice(0, 32);
    return this.database.transact(tenantId, async (tx) => {
      await tx.query('update bulk_job set plan = $2::jsonb, plan_version = $3, basis = $4 where id = $1', [
        id,
        JSON.stringify(plan),
        version,
        basis,
      ]);
      return this.#view(tx, id);
    });
  }

  /**
   * Starts a previewed job.
   * @throws repair.no-such-job, repair.already-started, repair.plan-changed, repair.plan-old, repair.not-confirmed
   */
  start(tenantId: string, id: string, { planVersion, rate, reason, confirm }: BulkStart, by: string): Promise<BulkJobView> {
    return this.database.transact(tenantId, async (tx) => {
      const job = await lockJob(tx, id);
      if (job.state !== 'preview') throw repairErrors['already-started']();
      if (planVersion !== job.plan_version || job.basis !== (await digestOf(tx, job.id))) throw repairErrors['plan-changed']();
      if (this.clock.now().getTime() - job.previewed_at.getTime() > GOOD_FOR_MS) throw repairErrors['plan-old']();
      if (job.plan.runs['may-happen-twice'] > 0 && !confirm) throw repairErrors['not-confirmed']();
      await tx.query(START_JOB, [job.id, rate, reason, by]);
      await tx.query(`update bulk_job_run set state = 'left' where job_id = $1 and category = 'impossible'`, [job.id]);
      await this.#audit(tx, 'start', job, by, reason);
      return this.#view(tx, job.id);
    });
  }

  /** Jobs that were started, newest first. */
  async list(tenantId: string, page: { limit: number; cursor?: string | undefined }): Promise<Page<BulkJobView>> {
    const [before] = readCursor(page.cursor) ?? [];
    return this.database.transact(tenantId, async (tx) => {
      const rows = await tx.query<JobRow>(
        `select ${COLUMNS} from bulk_job where state <> 'preview' and ($1::uuid is null or id < $1) order by id desc limit $2`,
        [before ?? null, page.limit + 1],
      );
      const views = new Map<string, BulkJobView>();
      for (const row of rows) views.set(row.id, await viewOf(tx, row));
      return pageOf(
        [...views],
        { limit: page.limit },
        ([id]) => [id],
        ([, view]) => view,
      );
    });
  }

  /** @throws repair.no-such-job */
  get(tenantId: string, id: string): Promise<BulkJobView> {
    return this.database.transact(tenantId, (tx) => this.#view(tx, uuidOf('job', id)));
  }

  /** What became of each run, in the order in which they are done. @throws repair.no-such-job */
  async results(
    tenantId: string,
    id: string,
    status: ResultState | undefined,
    page: { limit: number; cursor?: string | undefined },
  ): Promise<Page<BulkResultView>> {
    const jobId = uuidOf('job', id);
    const [after] = readCursor(page.cursor, { id, status }) ?? [];
    const rows = await this.database.transact(tenantId, async (tx) => {
      await this.#view(tx, jobId);
      return tx.query<{ position: number; run_id: string; category: Category; state: ResultState; answer: string | null }>(
        `select position, run_id, category, state, answer from bulk_job_run
         where job_id = $1 and ($2::text is null or state = $2) and ($3::int is null or position > $3) order by position limit $4`,
        [jobId, status ?? null, after ?? null, page.limit + 1],
      );
    });
    return pageOf(
      rows,
      { limit: page.limit, filter: { id, status } },
      ({ position }) => [String(position)],
      ({ run_id, category, state, answer }) => ({ run: idOf('run', run_id), category, status: state, answer }),
    );
  }

  /** No further run is taken until somebody says resume. @throws repair.no-such-job, repair.job-over */
  pause(tenantId: string, id: string, by: string): Promise<BulkJobView> {
    return this.#switch(tenantId, id, 'pause', 'paused', by);
  }

  /** @throws repair.no-such-job, repair.job-over */
  resume(tenantId: string, id: string, by: string): Promise<BulkJobView> {
    return this.#switch(tenantId, id, 'resume', 'running', by);
  }

  /** Leaves alone every run that no command was given for. @throws repair.no-such-job, repair.job-over */
  abort(tenantId: string, id: string, by: string): Promise<BulkJobView> {
    return this.#switch(tenantId, id, 'abort', 'aborted', by);
  }

  #switch(tenantId: string, id: string, act: 'pause' | 'resume' | 'abort', state: BulkState, by: string): Promise<BulkJobView> {
    return this.database.transact(tenantId, async (tx) => {
      const job = await lockJob(tx, id);
      if (job.state !== 'running' && job.state !== 'paused') throw repairErrors['job-over']();
      if (job.state !== state) {
        await tx.query(SWITCH_JOB, [job.id, state]);
        if (state === 'aborted') await tx.query(`update bulk_job_run set state = 'left' where job_id = $1 and state = 'pending'`, [job.id]);
        await this.#audit(tx, act, job, by, job.reason);
      }
      return this.#view(tx, job.id);
    });
  }

  #audit(tx: Transaction, act: string, { id, action, total }: JobRow, by: string, reason: string): Promise<void> {
    return this.audit.append(tx, {
      actor: by,
      action: `bulk-job.${act}`,
      subject: `bulk-job/${idOf('job', id)}`,
      detail: { action, runs: total, reason },
    });
  }

  async #view(tx: Transaction, id: string): Promise<BulkJobView> {
    const [row] = await tx.query<JobRow>(`select ${COLUMNS} from bulk_job where id = $1 and plan_version <> ''`, [id]);
    if (!row) throw repairErrors['no-such-job']();
    return viewOf(tx, row);
  }
}

const INSERT_JOB = `
insert into bulk_job (id, tenant_id, action, detail, selection, state, plan, plan_version, total, previewed_by)
values ($1, $2, $3, $4::jsonb, $5::jsonb, 'preview', '{}', '', 0, $6)`;
const START_JOB = `
update bulk_job set state = 'running', rate = $2, reason = $3, started_by = $4, started_at = clock_timestamp(), paced_at = clock_timestamp()
where id = $1`;
/** The rate counts anew: what was not used while the job stood still is not made up for. */
const SWITCH_JOB = `
update bulk_job set state = $2, paced_at = clock_timestamp(), finished_at = case when $2 = 'aborted' then clock_timestamp() end where id = $1`;

async function lockJob(tx: Transaction, id: string): Promise<JobRow & { readonly basis: string }> {
  const [row] = await tx.query<JobRow & { basis: string }>(
    `select ${COLUMNS}, basis from bulk_job where id = $1 and plan_version <> '' for update`,
    [uuidOf('job', id)],
  );
  if (!row) throw repairErrors['no-such-job']();
  return row;
}

async function viewOf(tx: Transaction, row: JobRow): Promise<BulkJobView> {
  const counts = await tx.query<{ state: ResultState; count: number }>(
    'select state, count(*)::int as count from bulk_job_run where job_id = $1 group by state',
    [row.id],
  );
  const { id, state, plan_version, previewed_at, started_by, started_at, finished_at, ...same } = row;
  return {
    id: idOf('job', id),
    ...same,
    status: state,
    planVersion: plan_version,
    progress: { ...NO_PROGRESS, ...Object.fromEntries(counts.map(({ state: result, count }) => [result, count])) },
    previewedAt: previewed_at.toISOString(),
    startedBy: started_by,
    startedAt: started_at?.toISOString() ?? null,
    finishedAt: finished_at?.toISOString() ?? null,
  };
}

const NO_PROGRESS: Readonly<Record<ResultState, number>> = { pending: 0, sent: 0, done: 0, refused: 0, changed: 0, left: 0 };
