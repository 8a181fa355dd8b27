import { Injectable } from '@nestjs/common';
import { idOf, uuidOf } from '../../kernel/ids.ts';
import { errorCatalogue, KassaflowError } from '../../kernel/errors.ts';
import { pageOf, readCursor, type Page } from '../../platform/http/page.ts';
import { Database, type Transaction } from '../../platform/database/transaction.ts';
import type { JournalEntry } from '../journal-entry.ts';
import { RunEngine, type RunCommand } from '../run-engine.ts';
import { runErrors } from '../run.errors.ts';
import type { RunReason, RunStatus } from '../run.ts';
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
  readonly inputs: unknown;
  readonly steps: readonly StepView[];
}

export interface RunFilter {
  readonly flow?: string | undefined;
  readonly status?: string | undefined;
  readonly since?: string | undefined;
}

/** What became of a command: answered, or still on its way to the process that has the run. */
export interface CommandView {
  readonly state: 'done' | 'accepted';
  readonly run: RunView;
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
  ) {}

  /** Newest first. */
  async list(tenantId: string, filter: RunFilter, page: { limit: number; cursor?: string | undefined }): Promise<Page<RunView>> {
    const bound = { flow: filter.flow, status: filter.status, since: filter.since };
    const [before] = readCursor(page.cursor, bound) ?? [];
    const rows = await this.database.transact(tenantId, (tx) =>
      tx.query<RunRow>(
        `select ${COLUMNS} from run r join flow f on f.id = r.flow_id
         where ($1::text is null or f.name = $1) and ($2::text is null or r.status = $2) and ($3::timestamptz is null or r.started_at >= $3)
           and ($4::uuid is null or r.id < $4)
         order by r.id desc limit $5`,
        [filter.flow ?? null, filter.status ?? null, filter.since ?? null, before ?? null, page.limit + 1],
      ),
    );
    return pageOf(rows, { limit: page.limit, filter: bound }, ({ id }) => [id], viewOf);
  }

  /** @throws runs.not-found */
  get(tenantId: string, id: string): Promise<RunDetails> {
    return this.database.transact(tenantId, async (tx) => {
      const row = await findRow(tx, id);
      const journal = await tx.query<{ entries: readonly JournalEntry[] }>(
        'select entries from run_journal where run_id = $1 order by seq limit $2',
        [row.id, MOST_JOURNAL_ROWS],
      );
      return { ...viewOf(row), inputs: row.inputs, steps: timelineOf(journal.flatMap(({ entries }) => entries)) };
    });
  }

  /** @throws flow.not-found, runs.not-manual, runs.no-engine */
  async start(tenantId: string, flow: string, inputs: Readonly<Record<string, unknown>>): Promise<RunView> {
    const id = await this.engine.start({ tenantId, flow, inputs });
    return this.database.transact(tenantId, async (tx) => viewOf(await findRow(tx, idOf('run', id))));
  }

  /**
   * Gives a command to whichever process has the run, and waits a moment for its answer.
   * @throws runs.not-found, runs.finished, runs.not-failed, runs.no-attention
   */
  async command(tenantId: string, id: string, command: RunCommand, by: string): Promise<CommandView> {
    const commandId = await this.database.transact(tenantId, async (tx) => {
      const { id: runId } = await findRow(tx, id);
      const { kind, ...detail } = command;
      const [row] = await tx.query<{ id: string }>(
        'insert into run_command (tenant_id, run_id, kind, detail, requested_by) values ($1, $2, $3, $4, $5) returning id::text',
        [tenantId, runId, kind, JSON.stringify(detail), by],
      );
      tx.afterCommit(() => this.engine.nudge());
      return row?.id ?? '';
    });
    const answer = await this.#answer(tenantId, commandId);
    if (answer?.refused !== undefined) throw refusalOf(answer.refused);
    const run = await this.database.transact(tenantId, async (tx) => viewOf(await findRow(tx, id)));
    return { state: answer ? 'done' : 'accepted', run };
  }

  async #answer(tenantId: string, commandId: string): Promise<{ readonly refused?: string } | undefined> {
    for (let waited = 0; waited < PATIENCE_MS; waited += POLL_MS) {
      const [row] = await this.database.transact(tenantId, (tx) =>
        tx.query<{ answer: { refused?: string } | null }>('select answer from run_command where id = $1::bigint', [commandId]),
      );
      if (row?.answer) return row.answer;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    return undefined;
  }
}

async function findRow(tx: Transaction, id: string): Promise<RunRow> {
  const [row] = await tx.query<RunRow>(`select ${COLUMNS} from run r join flow f on f.id = r.flow_id where r.id = $1`, [uuidOf('run', id)]);
  if (!row) throw runErrors['not-found']();
  return row;
}

function refusalOf(code: string): KassaflowError {
  const spec = errorCatalogue.get(code);
  return spec ? new KassaflowError(code, spec) : runErrors.unavailable();
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
