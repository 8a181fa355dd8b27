/** A run's journal, interpreted once more with nobody there to answer: it must lead to where the run stands, byte for byte. */
import { LiveRun, type RunHost } from '../../src/runs/live-run.ts';
import { DEFAULT_RUN_SETTINGS } from '../../src/runs/run-settings.ts';
import { SilentDoor } from '../../src/runs/repair/silent-door.ts';
import type { RunRow } from './database.ts';
import { drain } from './drain.ts';
import { MANIFESTS } from './provider.ts';
import { Violation } from './violation.ts';

const NEVER = new Promise<never>(() => undefined);
const DOOR = new SilentDoor(MANIFESTS);

/** @throws Violation */
export function checkReplay({ facts, flow, journal, status }: RunRow): void {
  const end = journal.at(-1)?.kind === 'end' ? journal.length - 1 : journal.length;
  if (journal.length === 0) return;
  const problems: string[] = [];
  const now = journal.reduce((latest, entry) => ('at' in entry ? Math.max(latest, entry.at) : latest), 0);
  const host: RunHost = {
    door: DOOR,
    clock: { now: () => new Date(now), elapsed: () => now },
    settings: DEFAULT_RUN_SETTINGS,
    stopping: false,
    random: () => 0.5,
    readSubjects: () => NEVER,
    asked: nothing,
    touched: nothing,
    defect: (_run, error) => problems.push(error instanceof Error ? error.message : String(error)),
    compare: (step, what, recorded, computed) => {
      const [was, is] = [JSON.stringify(recorded), JSON.stringify(computed)];
      if (was !== is) problems.push(`${what} at ${step} was ${was} and is ${is}`);
    },
  };
  const entries = journal.slice(0, end).filter(({ kind }) => kind !== 'resumed' && kind !== 'aside');
  const run = new LiveRun(facts, flow, host, { rows: 1, entries });
  run.begin();
  drain();
  const added = run.checkpoint()?.entries ?? '';
  const endsAgain = added.startsWith('[{"kind":"end"');
  run.drop();
  const ended = journal.at(-1);
  if (ended?.kind === 'end' && problems.length === 0 && endsByItself(journal)) {
    if (!endsAgain) problems.push(`it ends as ${status}, and the replay goes on with ${added.slice(0, 120)}`);
    else if (!added.includes(`"status":"${ended.status}"`))
      problems.push(`it ended as ${ended.status}, the replay: ${added.slice(0, 120)}`);
  }
  if (problems[0] !== undefined) throw new Violation('replay', `${facts.id} (${flow.name}): ${problems[0]}`);
}

/**
 * Of a run that was cancelled, set aside or late, the journal does not say at which of two moments in one turn it was: before or after a
 * step that records nothing. What it did is the same either way; the words of its end are not.
 */
function endsByItself(journal: RunRow['journal']): boolean {
  return !journal.some(({ kind }) => kind === 'cancel' || kind === 'timed-out');
}

function nothing(): void {
  // Nobody listens.
}
