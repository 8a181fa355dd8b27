/**
 * What people want of runs, by the table `run_command`. Every process looks; the one that has the run in memory acts, or, when
 * nobody has, whoever claims it. The answer is written in the flush that writes what the command did.
 */
import { Logger } from '@nestjs/common';
import type pg from 'pg';
import type { Resolution } from '../journal-entry.ts';
import type { LiveRun } from '../live-run.ts';
import type { RunStatus } from '../run.ts';
import type { Lane } from './lane.ts';
import { ANSWER_COMMAND, OPEN_COMMANDS } from './queries/open-commands.ts';
import type { Resume } from './resume.ts';

interface CommandRow {
  readonly id: string;
  readonly run_id: string;
  readonly kind: 'cancel' | 'retry' | 'resolve';
  readonly detail: { readonly step?: string; readonly resolution?: Resolution };
  readonly requested_by: string;
  readonly status: RunStatus | null;
  readonly epoch: string | null;
}

export interface CommandPorts {
  readonly pool: Pick<pg.Pool, 'query'>;
  readonly resume: Resume;
  now(): number;
  /** A lane for a run that is nobody's. */
  lane(): Lane;
  laneOf(runId: string): Lane | undefined;
}

const DONE = { done: true };
/** Runs that failed, and among those that wait for a person the ones that were set aside. */
const RETRIED: readonly RunStatus[] = ['failed', 'attention'];
const OPEN: readonly RunStatus[] = ['running', 'waiting', 'attention'];

export class Commands {
  readonly #log = new Logger('runs');
  #looking: Promise<void> | undefined;
  #again = false;
  #stopped = false;
  /** Acted upon, and not yet seen as answered. */
  #acted = new Set<string>();

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
    const { rows } = await this.ports.pool.query<CommandRow>(OPEN_COMMANDS);
    const open = new Set(rows.map(({ id }) => id));
    this.#acted = new Set([...this.#acted].filter((id) => open.has(id)));
    for (const command of rows) if (!this.#acted.has(command.id)) await this.#handle(command);
  }

  async #handle(command: CommandRow): Promise<void> {
    const refused = refusal(command);
    if (refused) return this.#refuse(command, refused);
    const lane = this.ports.laneOf(command.run_id);
    const run = lane?.runs.get(command.run_id);
    if (lane && run?.reachable) return this.#tellLive(command, lane, run);
    // In memory elsewhere, or leaving memory just now: whoever has it next sees the command.
    if (command.epoch !== '0') return;
    await this.#tellParked(command);
  }

  async #tellLive(command: CommandRow, lane: Lane, run: LiveRun): Promise<void> {
    if (command.kind === 'retry') return this.#refuse(command, 'runs.not-failed');
    if (command.kind === 'cancel') run.cancel(command.requested_by);
    else {
      const step = command.detail.step ?? onlyOne(run.needing);
      if (step === undefined || !command.detail.resolution || !run.resolve(step, command.requested_by, command.detail.resolution)) {
        return this.#refuse(command, 'runs.no-attention');
      }
    }
    this.#answer(command, lane);
  }

  async #tellParked(command: CommandRow): Promise<void> {
    const lane = this.ports.lane();
    const [run] = await this.ports.resume.claim(lane, [command.run_id], command.kind === 'retry' ? RETRIED : OPEN);
    if (!run) return;
    if (command.kind === 'retry' && !run.history?.end && !run.history?.aside) {
      lane.keep(run);
      return this.#refuse(command, 'runs.not-failed');
    }
    const at = this.ports.now();
    const by = command.requested_by;
    if (command.kind !== 'resolve') run.tell({ kind: command.kind, at, by });
    else {
      const step = command.detail.step ?? onlyOne(run.needing);
      const state = step === undefined ? undefined : run.history?.peek(step);
      if (step === undefined || state?.attention === undefined || !command.detail.resolution) {
        lane.keep(run);
        return this.#refuse(command, 'runs.no-attention');
      }
      if (state.sleepUntil !== undefined) run.tell({ kind: 'woke', step, at });
      if (state.attention === 'unknown-outcome') run.tell({ kind: 'resolved', step, at, by, resolution: command.detail.resolution });
    }
    lane.keep(run);
    this.#answer(command, lane);
  }

  #answer(command: CommandRow, lane: Lane): void {
    this.#acted.add(command.id);
    lane.answer({ id: command.id, answer: DONE });
  }

  async #refuse(command: CommandRow, code: string): Promise<void> {
    await this.ports.pool.query(ANSWER_COMMAND, [command.id, { refused: code }]);
  }
}

/** Why a command makes no sense for a run in its status. */
function refusal({ kind, status }: CommandRow): string | undefined {
  if (status === null) return 'runs.not-found';
  const open = OPEN.includes(status);
  if (kind === 'retry') return RETRIED.includes(status) ? undefined : open ? 'runs.not-failed' : 'runs.finished';
  return open ? undefined : 'runs.finished';
}

function onlyOne(steps: readonly string[]): string | undefined {
  return steps.length === 1 ? steps[0] : undefined;
}
