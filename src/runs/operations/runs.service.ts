import { Injectable } from '@nestjs/common';
import { idOf, uuidOf } from '../../kernel/ids.ts';
import { errorCatalogue, KassaflowError } from '../../kernel/errors.ts';
import type { Teams } from '../../platform/auth/scopes.ts';
import { pageOf, readCursor, type Page } from '../../platform/http/page.ts';
import { Database, type Transaction } from '../../platform/database/transaction.ts';
import type { JournalEntry } from '../journal-entry.ts';
import { RunEngine, type RunCommand } from '../run-engine.ts';
import { idempotencyErrors } from '../../platform/http/idempotency.ts';
import { Tracing } from '../../platform/observability/tracing.ts';
import { Audit } from '../../platform/tenancy/audit.ts';
import { runErrors } from '../run.errors.ts';
import { traceIdOf } from '../observability/trace-id.ts';
import type { RunReason, RunStatus } from '../run.ts';
import { happeningsOf, type HappeningView } from './run-history.ts';
import { timelineOf, type StepView } from './timeline.ts';

/** A run as it goes over the wire. */
export interface RunView {
  readonly id: string;
  readonly flow: string;
  readonly revision: number;
  readonly status: RunStatus;
  readonly reason: RunReason | null;
  readonly event: string | null;
  readonly onePer: string | null;
  readonly startedAt: string;
  readonly finishedAt: string | null;
}

export interface RunDetails extends RunView {
  /** Where traces are collected: the one under which this run is found there. */
  readonly traceId?: string;
  readonly inputs: unknown;
  readonly steps: readonly StepView[];
  /** What happened to the run as a whole, and what people did to it, in words. */
  readonly happenings: readonly HappeningView[];
}

export interface RunFilter {
  readonly flow?: string | undefined;
  readonly status?: string | undefined;
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  /** The flow's `one-per` value. */
  readonly onePer?: string | undefined;
  /** Dead letters of this group. */
  readonly fingerprint?: string | undefined;
}

/** Who gives a command, and why (may be empty). */
export interface CommandOrigin {
  readonly by: string;
  readonly reason: string;
  /** Names this one command: a repeat with it gives no other. */
  readonly key?: string | undefined;
}

/** How many runs fit a filter; exact up to 10,000. */
export interface RunCount {
  readonly count: number;
  readonly more: boolean;
}

/** What became of a command: answered, or still on its way to the process that has the run. */
export interface CommandView {
  readonly state: 'done' | 'accepted';
  readonly run: RunView;
}

interface Answer {
  /** Code of the error. */
  readonly refused?: string;
  /** Its particulars. */
  readonly why?: string;
}

interface RunRow {
  readonly id: string;
  readonly flow: string;
  readonly revision: number;
  readonly status: RunStatus;
  readonly reason: RunReason | null;
  readonly event_id: string | null;
  readonly one_per: string | null;
  readonly inputs: unknown;
  readonly started_at: Date;
  readonly finished_at: Date | null;
}

const COLUMNS = 'r.id, f.name as flow, r.revision, r.status, r.reason, r.event_id, r.one_per, r.inputs, r.started_at, r.finished_at';
/** Of a run by the values of {@link valuesOf}. */
const FITS = `
  ($1::text is null or f.name = $1) and ($2::text is null or r.status = $2) and ($3::timestamptz is null or r.started_at >= $3)
  and ($4::timestamptz is null or r.started_at < $4) and ($5::text is null or r.one_per = $5)
  and ($6::text is null or (r.status in ('failed', 'attention') and exists (
    select from run_failure x where x.run_id = r.id and x.fingerprint = $6)))`;
/** Up to here counts are exact. */
const COUNTED = 10_000;
const MOST_JOURNAL_ROWS = 2_000;
/** How long a command is waited for before the answer says that it is on its way. */
const PATIENCE_MS = 2_000;
const POLL_MS = 20;

/** Runs for people: looking, and telling a run what to do. */
@Injectable()
export class Runs {
  constructor(
    private readonly database: Database,
    private readonly engine: RunEngine,
    private readonly audit: Audit,
    private readonly tracing: Tracing,
  ) {}

  /** Newest first. */
  async list(tenantId: string, filter: RunFilter, page: { limit: number; cursor?: string | undefined }): Promise<Page<RunView>> {
    const bound = { ...filter };
    const [before] = readCursor(page.cursor, bound) ?? [];
    const rows = await this.database.transact(tenantId, (tx) =>
      tx.query<RunRow>(
        `select ${COLUMNS} from run r join flow f on f.id = r.flow_id
         where ${FITS} and ($7::uuid is null or r.id < $7)
         order by r.id desc limit $8`,
        [...valuesOf(filter), before ?? null, page.limit + 1],
      ),
    );
    return pageOf(rows, { limit: page.limit, filter: bound }, ({ id }) => [id], viewOf);
  }

  /** How many runs a filter finds. */
  async count(tenantId: string, filter: RunFilter): Promise<RunCount> {
    const [row] = await this.database.transact(tenantId, (tx) =>
      tx.query<{ count: number }>(
        `select count(*)::int as count from (select from run r join flow f on f.id = r.flow_id where ${FITS} limit $7) as found`,
        [...valuesOf(filter), COUNTED + 1],
      ),
    );
    const count = row?.count ?? 0;
    return { count: Math.min(count, COUNTED), more: count > COUNTED };
  }

  /** @throws runs.not-found */
  get(tenantId: string, id: string): Promise<RunDetails> {
    return this.database.transact(tenantId, async (tx) => {
      const row = await findRow(tx, id);
      const journal = await tx.query<{ entries: readonly JournalEntry[] }>(
        'select entries from run_journal where run_id = $1 order by seq limit $2',
        [row.id, MOST_JOURNAL_ROWS],
      );
      const all = journal.flatMap(({ entries }) => entries);
      const trace = this.tracing.tracer && { traceId: traceIdOf(row.id) };
      return { ...viewOf(row), ...trace, inputs: row.inputs, steps: timelineOf(all), happenings: happeningsOf(all) };
    });
  }

  /** @throws flow.not-found, runs.not-manual, runs.team-required, runs.input-invalid, runs.no-engine */
  async start(tenantId: string, flow: string, inputs: Readonly<Record<string, unknown>>, teams: Teams): Promise<RunView> {
    const id = await this.engine.start({ tenantId, flow, inputs, teams });
    return this.database.transact(tenantId, async (tx) => viewOf(await findRow(tx, idOf('run', id))));
  }

  /**
   * Gives a command to whichever process has the run, and waits a moment for its answer.
   * @throws runs.not-found, idempotency.key-reused; runs.* when it makes no sense for the run as it stands (docs/operations.md)
   */
  async command(tenantId: string, id: string, command: RunCommand, origin: CommandOrigin): Promise<CommandView> {
    const commandId = await this.database.transact(tenantId, async (tx) => {
      const { id: runId } = await findRow(tx, id);
      const given = await giveCommand(tx, runId, command, origin);
      if (given.isNew) {
        await this.audit.append(tx, {
          actor: origin.by,
          action: `run.${command.kind}`,
          subject: `run/${id}`,
          detail: { reason: origin.reason, ...particularsOf(command) },
        });
        tx.afterCommit(() => this.engine.nudge());
      }
      return given.id;
    });
    const answer = await this.#answer(tenantId, commandId);
    if (answer?.refused !== undefined) throw refusalOf(answer.refused, answer.why);
    const run = await this.database.transact(tenantId, async (tx) => viewOf(await findRow(tx, id)));
    return { state: answer ? 'done' : 'accepted', run };
  }

  async #answer(tenantId: string, commandId: string): Promise<Answer | undefined> {
    for (let waited = 0; waited < PATIENCE_MS; waited += POLL_MS) {
      const [row] = await this.database.transact(tenantId, (tx) =>
        tx.query<{ answer: Answer | null }>('select answer from run_command where id = $1::bigint', [commandId]),
      );
      if (row?.answer) return row.answer;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    return undefined;
  }
}

function valuesOf({ flow, status, since, until, onePer, fingerprint }: RunFilter): unknown[] {
  return [flow ?? null, status ?? null, since ?? null, until ?? null, onePer ?? null, fingerprint ?? null];
}

async function findRow(tx: Transaction, id: string): Promise<RunRow> {
  const [row] = await tx.query<RunRow>(`select ${COLUMNS} from run r join flow f on f.id = r.flow_id where r.id = $1`, [uuidOf('run', id)]);
  if (!row) throw runErrors['not-found']();
  return row;
}

/** A key that names a command which was given before finds that one. */
async function giveCommand(
  tx: Transaction,
  runId: string,
  { kind, ...detail }: RunCommand,
  { by, reason, key }: CommandOrigin,
): Promise<{ readonly id: string; readonly isNew: boolean }> {
  const [made] = await tx.query<{ id: string }>(GIVE, [tx.tenantId, runId, kind, JSON.stringify(detail), by, reason, key ?? null]);
  if (made) return { id: made.id, isNew: true };
  const [before] = await tx.query<{ id: string; same: boolean }>(GIVEN_BEFORE, [key, runId, kind, JSON.stringify(detail)]);
  if (before?.same !== true) throw idempotencyErrors['key-reused']();
  return { id: before.id, isNew: false };
}

const GIVE = `
insert into run_command (tenant_id, run_id, kind, detail, requested_by, reason, request_key) values ($1, $2, $3, $4::jsonb, $5, $6, $7)
on conflict (tenant_id, request_key) where request_key is not null do nothing returning id::text`;
const GIVEN_BEFORE = `
select id::text, run_id = $2 and kind = $3 and detail = $4::jsonb as same from run_command where request_key = $1`;

/** What the audit needs besides the reason. Inputs and outputs are in the journal of the run, under its own protection. */
function particularsOf(command: RunCommand): Readonly<Record<string, string | boolean>> {
  return {
    ...('step' in command && command.step !== undefined && { step: command.step }),
    ...('undo' in command && command.undo === true && { undo: true }),
    ...('revision' in command && command.revision !== undefined && { revision: command.revision }),
    ...('resolution' in command && { decision: command.resolution.decision }),
  };
}

function refusalOf(code: string, why: string | undefined): KassaflowError {
  const spec = errorCatalogue.get(code);
  return spec ? new KassaflowError(code, spec, { why }) : runErrors.unavailable();
}

function viewOf(row: RunRow): RunView {
  return {
    id: idOf('run', row.id),
    flow: row.flow,
    revision: row.revision,
    status: row.status,
    reason: row.reason,
    event: row.event_id === null ? null : idOf('evt', row.event_id),
    onePer: row.one_per,
    startedAt: row.started_at.toISOString(),
    finishedAt: row.finished_at?.toISOString() ?? null,
  };
}
