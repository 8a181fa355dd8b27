/**
 * Replay: a recorded run is interpreted again over its own journal, and every value that it computes is compared with what was
 * recorded, byte for byte. Nothing leaves the process: where the journal ends, the world does not answer.
 *
 * A journal holds a life for every `end` in it (a retry begins another). Each is replayed by itself, because what a retry forgets
 * was computed too.
 */
import { isKassaflowError } from '../../kernel/errors.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { CompiledFlow } from '../../flows/language/compiled-flow.ts';
import type { JournalEntry } from '../journal-entry.ts';
import { LiveRun, type RunHost } from '../live-run.ts';
import { DEFAULT_RUN_SETTINGS } from '../run-settings.ts';
import type { RunFacts } from '../run.ts';
import { SilentDoor, type RecordedAction } from './silent-door.ts';

/** A run as it was recorded, with what a replay needs besides the flow. */
export interface Recording {
  readonly facts: RunFacts;
  readonly entries: readonly JournalEntry[];
  /** What the manifests of its actions said. */
  readonly actions: readonly RecordedAction[];
  /** As in `run.url`. */
  readonly publicUrl: string;
}

/** Something that the replay computed in another way. */
export interface Difference {
  /** Path of the step; empty for the run's end. */
  readonly step: string;
  readonly what: string;
  /** As JSON; absent when nothing was recorded. */
  readonly recorded: string | undefined;
  /** As JSON; absent when nothing was computed. */
  readonly computed: string | undefined;
}

export interface ReplayReport {
  /** Ends in the journal, and one more when it goes on behind the last. */
  readonly lives: number;
  /** Recorded steps that were computed again. */
  readonly steps: number;
  readonly differences: readonly Difference[];
  /** What an unfinished run would record next, if the world answered. */
  readonly next: readonly JournalEntry[];
  /** Every branch of an unfinished run sleeps or waits, as it was recorded. */
  readonly rests: boolean;
}

type EndEntry = Extract<JournalEntry, { kind: 'end' }>;

/**
 * @param flow the revision on which the run was recorded, or another one, to see what would differ on it
 * @param which `last`: what was recorded behind the last retry and what it left standing, and not what it made the run forget
 */
export async function replayRun(
  flow: CompiledFlow,
  recording: Recording,
  which: 'every life' | 'last life' = 'every life',
): Promise<ReplayReport> {
  const differences: Difference[] = [];
  const { entries } = recording;
  // What was recorded on an earlier revision is not computed on this one.
  const since = which === 'last life' ? entries.length - 1 : entries.findLastIndex(({ kind }) => kind === 'moved');
  let lives = 0;
  let last: Life | undefined;
  for (const [at, entry] of entries.entries()) {
    if (entry.kind !== 'end' && at < entries.length - 1) continue;
    if (at < since) continue;
    const upTo = entry.kind === 'end' ? at : at + 1;
    last = await replayLife(flow, { ...recording, entries: entries.slice(0, upTo) }, differences);
    lives += 1;
    if (entry.kind === 'end') compareEnd(entry, last, differences);
  }
  const ended = entries.at(-1)?.kind === 'end';
  return {
    lives,
    steps: new Set(entries.flatMap((entry) => ('step' in entry ? [entry.step] : []))).size,
    differences,
    next: ended ? [] : (last?.added ?? []),
    rests: last?.rests ?? false,
  };
}

interface Life {
  /** Entries that came behind the recorded ones. */
  readonly added: readonly JournalEntry[];
  readonly rests: boolean;
}

async function replayLife(flow: CompiledFlow, recording: Recording, differences: Difference[]): Promise<Life> {
  const host = new ReplayHost(recording, differences);
  const run = new LiveRun(recording.facts, flow, host, {
    rows: 1,
    // Deaths and their discovery are not computed by the flow.
    entries: recording.entries.filter(({ kind }) => kind !== 'resumed' && kind !== 'aside'),
  });
  run.begin();
  await host.quiet();
  const rests = run.idle;
  const text = run.checkpoint()?.entries;
  const unused = run.finalStatus === 'cancelled' ? undefined : run.history?.unused();
  run.drop();
  if (unused !== undefined)
    differences.push({ step: unused, what: 'step', recorded: firstAbout(unused, recording.entries), computed: undefined });
  // Written by `append`.
  const added = text === undefined || text === '' ? [] : (JSON.parse(text) as JournalEntry[]);
  // Journals of old do not say where a step was left; what follows from it is compared.
  return { added: added.filter(({ kind }) => kind !== 'left'), rests };
}

function compareEnd(recorded: EndEntry, { added }: Life, differences: Difference[]): void {
  const computed = added.find((entry): entry is EndEntry => entry.kind === 'end');
  const before = added.find(({ kind }) => kind !== 'end');
  if (before)
    differences.push({
      step: 'step' in before ? before.step : '',
      what: before.kind,
      recorded: undefined,
      computed: JSON.stringify(before),
    });
  const [was, is] = [endText(recorded), computed && endText(computed)];
  if (was !== is && differences.length === 0) differences.push({ step: '', what: 'end', recorded: was, computed: is });
}

/** An end without its moment. */
function endText({ status, reason, failed }: EndEntry): string {
  return JSON.stringify({ status, reason, failed });
}

function firstAbout(step: string, entries: readonly JournalEntry[]): string | undefined {
  return JSON.stringify(entries.find((entry) => 'step' in entry && entry.step === step));
}

/** Turns of the event loop without anything new, after which nothing more will come. */
const QUIET_TURNS = 3;

/** A world that keeps still. */
class ReplayHost implements RunHost {
  readonly settings: RunHost['settings'];
  readonly door: SilentDoor;
  readonly clock: Clock;
  readonly stopping = false;
  #touches = 0;

  constructor(
    { entries, actions, publicUrl }: Recording,
    private readonly differences: Difference[],
  ) {
    const now = lastMoment(entries);
    this.settings = { ...DEFAULT_RUN_SETTINGS, publicUrl };
    this.door = new SilentDoor(actions);
    this.clock = { now: () => new Date(now), elapsed: () => now };
  }

  /** Resolves when the run computes nothing more. */
  async quiet(): Promise<void> {
    for (let turns = 0, before = -1; turns < QUIET_TURNS; turns += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#touches !== before) turns = -1;
      before = this.#touches;
    }
  }

  /** Called for every recorded value that the run has computed again. */
  compare(step: string, what: string, recorded: unknown, computed: unknown): void {
    const [was, is] = [JSON.stringify(recorded), JSON.stringify(computed)];
    if (was !== is) this.differences.push({ step, what, recorded: was, computed: is });
  }

  random(): number {
    return 0.5;
  }

  readSubjects(): Promise<Readonly<Record<string, unknown>>> {
    return NEVER;
  }

  asked(): void {
    // Nobody is.
  }

  touched(): void {
    this.#touches += 1;
  }

  defect(_run: LiveRun, error: unknown): void {
    // Recorded steps that were not come to: they are named below, all of them alike.
    if (isKassaflowError(error, 'runs.replay-diverged')) return;
    this.differences.push({
      step: '',
      what: 'defect',
      recorded: undefined,
      computed: error instanceof Error ? error.message : String(error),
    });
  }
}

const NEVER = new Promise<never>(() => undefined);

/** The present of the replay: the last moment that is recorded. */
function lastMoment(entries: readonly JournalEntry[]): number {
  return Math.max(0, ...entries.map((entry) => ('at' in entry ? entry.at : 0)));
}
