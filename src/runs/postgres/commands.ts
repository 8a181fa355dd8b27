/**
 * What people want of runs, by the table `run_command`. Every process looks; the one that has the run in memory acts, or, when
 * nobody has, whoever claims it. The answer is written in the flush that writes what the command did.
 *
 * What a command comes to is decided by the run (`run-order.ts`). What is about a run that nobody has in memory, a move to another
 * revision, waits until that is so. What each command comes to in which status is a table in docs/operations.md.
 */
import { Logger } from '@nestjs/common';
import type pg from 'pg';
import { refusalOf, STATUSES_FOR } from '../command-refusal.ts';
import type { LiveRun } from '../live-run.ts';
import type { RunCommand } from '../run-engine.ts';
import type { RunOrder } from '../run-order.ts';
import type { RunStatus } from '../run.ts';
import type { Lane } from './lane.ts';
import type { Moves } from './moves.ts';
import { ANSWER_COMMAND, OPEN_COMMANDS, STILL_OPEN } from './queries/open-commands.ts';
import type { Resume } from './resume.ts';

interface CommandRow {
  readonly id: string;
  readonly run_id: string;
  readonly kind: RunCommand['kind'];
  readonly detail: Omit<RunCommand, 'kind'>;
  readonly requested_by: string;
  readonly reason: string;
  readonly status: RunStatus | null;
  readonly epoch: string | null;
  readonly is_bulk: boolean;
}

export interface CommandPorts {
  readonly pool: Pick<pg.Pool, 'query'>;
  readonly resume: Resume;
  readonly moves: Moves;
  /** A lane for a run that is nobody's. */
  lane(): Lane;
  laneOf(runId: string): Lane | undefined;
}

/** Why nothing was done: the code of an error, and the particulars that it does not say. */
interface Refusal {
  readonly refused: string;
  readonly why?: string;
}

interface Told {
  readonly run: LiveRun;
  readonly refusal?: Refusal;
}

const DONE = { done: true };
/** Commands that are read at once. */
const MOST = 100;

export class Commands {
  readonly #log = new Logger('runs');
  #looking: Promise<void> | undefined;
  #again = false;
  #stopped = false;
  /** Acted upon, and not yet seen as answered: by which lane, under which lease. */
  readonly #acted = new Map<string, { readonly lane: Lane; readonly lease: string }>();

  constructor(private readonly ports: CommandPorts) {}

  /** Looks for commands, now or right after the look that is going on. */
  look(): void {
    if (this.#stopped) return;
    if (this.#looking) {
      this.#again = true;
      return;
    }
    this.#looking = this.#lookOnce()
      .catch((error: unknown) => this.#log.warn(`Reading commands failed: ${error instanceof Error ? error.message : String(error)}`))
      .finally(() => {
        this.#looking = undefined;
        if (this.#again) this.look();
      });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#looking;
  }

  async #lookOnce(): Promise<void> {
    this.#again = false;
    await this.#forgetAnswered();
    let after: readonly [isBulk: boolean, id: string] = [false, '0'];
    for (;;) {
      const { rows } = await this.ports.pool.query<CommandRow>(OPEN_COMMANDS, [...after, MOST]);
      for (const command of rows) if (!this.#acted.has(command.id) && !this.#stopped) await this.#handle(command);
      const last = rows.at(-1);
      if (rows.length < MOST || !last || this.#stopped) return;
      after = [last.is_bulk, last.id];
    }
  }

  /** An answer that was not written goes with the lease of its lane, and so does what the command did: it is open again. */
  async #forgetAnswered(): Promise<void> {
    for (const [id, { lane, lease }] of this.#acted) if (lane.lease !== lease) this.#acted.delete(id);
    if (this.#acted.size === 0) return;
    const { rows } = await this.ports.pool.query<{ id: string }>(STILL_OPEN, [[...this.#acted.keys()]]);
    const open = new Set(rows.map(({ id }) => id));
    for (const id of this.#acted.keys()) if (!open.has(id)) this.#acted.delete(id);
  }

  async #handle(command: CommandRow): Promise<void> {
    const refused = command.status === null ? 'runs.not-found' : refusalOf(command.kind, command.status);
    if (refused !== undefined) return this.#refuse(command, { refused });
    const lane = this.ports.laneOf(command.run_id);
    const run = lane?.runs.get(command.run_id);
    if (lane && run?.reachable) return this.#tellLive(command, lane, run);
    // In memory elsewhere, or leaving memory just now: whoever has it next sees the command.
    if (command.epoch !== '0') return;
    await this.#tellParked(command);
  }

  async #tellLive(row: CommandRow, lane: Lane, run: LiveRun): Promise<void> {
    const order = orderOf(row);
    // To move a run it is loaded anew, which takes one that nobody has in memory.
    const refused = order === undefined ? 'runs.in-memory' : run.order(order);
    // It comes to rest sooner or later, and whoever looks then finds the command.
    if (refused === 'runs.in-memory') return;
    if (refused !== undefined) return this.#refuse(row, { refused });
    this.#answer(row, lane);
  }

  async #tellParked(row: CommandRow): Promise<void> {
    const lane = this.ports.lane();
    const [claimed] = await this.ports.resume.claim(lane, [row.run_id], STATUSES_FOR[row.kind]);
    if (!claimed) return;
    const told = await this.#tell(lane, claimed, row).catch((error: unknown) => {
      // It is this lane's now, so it must go on here; the command is open still.
      lane.keep(claimed);
      throw error;
    });
    if (!told) return;
    // Without the lease it is somebody else's, and so is the command.
    if (!lane.keep(told.run)) return;
    if (told.refusal) return this.#refuse(row, told.refusal);
    this.#answer(row, lane);
  }

  /** @returns the run to go on with: one that was moved is another one in memory; nothing when it is no longer this lane's */
  async #tell(lane: Lane, claimed: LiveRun, row: CommandRow): Promise<Told | undefined> {
    const person = personOf(row);
    const order = orderOf(row);
    if (order) return withRefusal(claimed, claimed.order(order));
    const how = row.kind === 'move' ? 'move' : 'retry';
    const moved = await this.ports.moves.toNewest(lane, claimed, how);
    if (moved.kind === 'gone') return undefined;
    if (moved.kind === 'refused') return { run: claimed, refusal: { refused: moved.code, why: moved.why } };
    const { run, revision } = moved;
    if (how === 'move') return withRefusal(run, run.order({ kind: 'move', revision, ...person }));
    return withRefusal(run, run.order({ kind: 'retry', ...person, ...(run !== claimed && { revision }) }));
  }

  #answer(command: CommandRow, lane: Lane): void {
    this.#acted.set(command.id, { lane, lease: lane.lease });
    lane.answer({ id: command.id, answer: DONE });
  }

  async #refuse(command: CommandRow, refusal: Refusal): Promise<void> {
    await this.ports.pool.query(ANSWER_COMMAND, [command.id, refusal]);
  }
}

/** What the run itself is told; absent when it must be loaded with another revision of its flow first. */
function orderOf({ kind, detail, ...row }: CommandRow): RunOrder | undefined {
  const command = { kind, ...detail } as RunCommand; // the row was written from one
  if (command.kind === 'move' || (command.kind === 'retry' && command.revision === 'newest')) return undefined;
  if (command.kind === 'retry') return { kind: 'retry', ...personOf(row) };
  return { ...command, ...personOf(row) };
}

function personOf({ requested_by: by, reason }: Pick<CommandRow, 'requested_by' | 'reason'>): {
  readonly by: string;
  readonly why?: string;
} {
  return { by, ...(reason !== '' && { why: reason }) };
}

function withRefusal(run: LiveRun, refused: string | undefined): Told {
  return refused === undefined ? { run } : { run, refusal: { refused } };
}
