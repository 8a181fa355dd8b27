/**
 * Wakes steps that a switch or a cap held, once it is gone: within a quarter of a second after the release is known, oldest first, and
 * no more at once than there is room for in memory.
 *
 * A row of `run_parked` says only that a step is to be looked at. Whether it rests for that is decided by its journal, so a row that is
 * seen by two processes, or twice, does nothing the second time.
 */
import { Logger } from '@nestjs/common';
import type { FreedPosition, ParkedStep } from '../../guards/parked-steps.ts';
import type { Parking as GuardParking } from '../../guards/parking.ts';
import type { LiveRun } from '../live-run.ts';
import type { RunStatus } from '../run.ts';
import type { Lane } from './lane.ts';
import type { Resume } from './resume.ts';

/** What the engine knows of guards that park. */
export type Parking = Pick<GuardParking, 'freed' | 'remove' | 'onChange'>;

export interface ParkedRunPorts {
  readonly parking: Parking;
  readonly resume: Resume;
  now(): number;
  /** How many more runs may be taken into memory. */
  room(): number;
  lane(): Lane;
  laneOf(runId: string): Lane | undefined;
}

const OPEN: readonly RunStatus[] = ['running', 'waiting', 'attention'];
const WAKE_MOST = 200;
const SOON_MS = 50;
/** When nothing was said to have changed: for what a process that died has left. */
const LATER_MS = 5_000;

export class ParkedRuns {
  readonly #log = new Logger('runs');
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #again = false;
  #stopped = true;

  constructor(private readonly ports: ParkedRunPorts) {
    ports.parking.onChange(() => this.look());
  }

  start(): void {
    this.#stopped = false;
    this.look();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#looking;
  }

  /** Looks for steps that are free, now or right after the look that is going on. */
  look(): void {
    if (this.#stopped) return;
    if (this.#looking) {
      this.#again = true;
      return;
    }
    clearTimeout(this.#timer);
    this.#again = false;
    let pause = LATER_MS;
    this.#looking = this.#wakeAll()
      .then((left) => void (pause = left ? SOON_MS : LATER_MS))
      .catch((error: unknown) =>
        this.#log.warn(`Parked runs could not be woken: ${error instanceof Error ? error.message : String(error)}`),
      )
      .finally(() => {
        this.#looking = undefined;
        if (this.#stopped) return;
        this.#timer = setTimeout(() => this.look(), this.#again ? SOON_MS : pause).unref();
      });
  }

  /** @returns whether there was no room for all of them */
  async #wakeAll(): Promise<boolean> {
    let position: FreedPosition | undefined;
    for (;;) {
      const most = Math.min(WAKE_MOST, this.ports.room());
      if (most <= 0) return true;
      const page = await this.ports.parking.freed(position, most);
      if (page.length > 0) await this.#wake(page);
      if (page.length < most || this.#stopped) return false;
      position = page.at(-1);
    }
  }

  async #wake(steps: readonly ParkedStep[]): Promise<void> {
    const absent: ParkedStep[] = [];
    for (const parked of steps) {
      const run = this.ports.laneOf(parked.runId)?.runs.get(parked.runId);
      if (!run) absent.push(parked);
      // On its way out of memory: the row is still there, so it is looked at again in a moment.
      else if (!run.unpark(parked.step) && !run.reachable) this.#again = true;
    }
    if (absent.length === 0) return;
    const lane = this.ports.lane();
    const wanted = Map.groupBy(absent, ({ runId }) => runId);
    // What is not claimed is in the memory of another process, which looks at the same rows.
    for (const run of await this.ports.resume.claim(lane, [...wanted.keys()], OPEN)) {
      for (const parked of wanted.get(run.facts.id) ?? []) this.#tell(run, parked);
      lane.keep(run);
    }
  }

  #tell(run: LiveRun, parked: ParkedStep): void {
    const { step } = parked;
    if (run.history?.peek(step)?.parked !== undefined) return run.tell({ kind: 'woke', step, at: this.ports.now() });
    // Its journal says that it went on, or never rested: should it rest again, it writes the row again.
    this.ports.parking.remove(parked).catch(() => undefined);
  }
}
