/** Plays histories one after the other, and makes the first that does not agree as short as it gets. */
import { seededRandom } from '../chaos/random.ts';
import { DeskCalls } from '../desks/desk-calls.ts';
import type { Desk } from '../desks/desk.ts';
import { DESKS, type DeskName } from '../desks/desks.ts';
import { newUuid } from '../../src/kernel/ids.ts';
import type { Core } from './core.ts';
import { Kinds } from './kinds.ts';
import { drawHistory, type History, type Step } from './history.ts';
import { MemoryCore } from './memory-core.ts';
import type { PlantedBug } from './planted-bug.ts';
import { TOTAL } from './plot.ts';
import { tell } from './tell.ts';

export interface Campaign {
  readonly provider: DeskName;
  readonly count: number;
  readonly seed: number;
  /** The first one; default 0. With a count of 1 it is told again by itself. */
  readonly from?: number;
  readonly bug?: PlantedBug | undefined;
  /** No new hundred is begun after so many milliseconds. */
  readonly forMs?: number | undefined;
  /** How many are told at once, each lane at a desk of its own: some libraries sleep before they try again. */
  readonly lanes?: number;
}

export interface Failure {
  /** Which one, counted from 0. */
  readonly index: number;
  readonly problem: string;
  readonly shortest: History;
}

export interface Verdict {
  readonly played: number;
  readonly steps: number;
  readonly kinds: Kinds;
  readonly failure: Failure | undefined;
}

/** A server's lists and timers grow with each payment: a new one is opened after so many. */
const PER_DESK = 100;
/** Longer tries to shorten are not worth it. */
const MOST_TRIES = 300;

export async function playHistories({ provider, count, seed, from = 0, bug, forMs = Infinity, lanes = 1 }: Campaign): Promise<Verdict> {
  const shifts = Array.from({ length: Math.ceil(count / PER_DESK) }, (_, index) => from + index * PER_DESK);
  const failures: Failure[] = [];
  const kinds = new Kinds();
  const begun = performance.now();
  let [played, steps] = [0, 0];
  const work = async (): Promise<void> => {
    for (let first = shifts.shift(); first !== undefined && failures.length === 0; first = shifts.shift()) {
      if (performance.now() - begun > forMs) break;
      const shift = await playShift({ provider, seed, bug, kinds }, first, Math.min(PER_DESK, from + count - first));
      played += shift.played;
      steps += shift.steps;
      if (shift.failure) failures.push(shift.failure);
    }
  };
  await Promise.all(Array.from({ length: lanes }, work));
  return { played, steps, kinds, failure: failures.toSorted((a, b) => a.index - b.index)[0] };
}

/** One desk's. */
async function playShift(
  { provider, seed, bug, kinds }: Pick<Campaign, 'provider' | 'seed' | 'bug'> & { readonly kinds: Kinds },
  first: number,
  count: number,
): Promise<Omit<Verdict, 'kinds'>> {
  const desk = await DESKS[provider]('live');
  try {
    const calls = new DeskCalls(desk);
    const problemOf = (history: History): Promise<string | undefined> => told(history, desk, new MemoryCore(calls, newUuid(), bug), kinds);
    let steps = 0;
    for (let index = first; index < first + count; index += 1) {
      const history = historyAt(seed, index, desk);
      steps += history.steps.length;
      const problem = await problemOf(history);
      if (problem === undefined) continue;
      const shortest = await shorten(history, async (shorter) => (await problemOf(shorter)) !== undefined);
      return { played: index - first + 1, steps, failure: { index, problem: (await problemOf(shortest)) ?? problem, shortest } };
    }
    return { played: count, steps, failure: undefined };
  } finally {
    await desk.close();
  }
}

export function historyAt(seed: number, index: number, desk: Desk): History {
  return drawHistory(seededRandom(`${seed} ${index} ${desk.plugin.id}`), desk);
}

/** What breaks is a problem like any other. */
export async function told(history: History, desk: Desk, core: Core, kinds = new Kinds()): Promise<string | undefined> {
  try {
    return await tell(history, desk, core, kinds);
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  } finally {
    desk.faults.clear();
    await desk.posted();
  }
}

/** Leaves out steps and troubles as long as it still fails. */
async function shorten(history: History, fails: (shorter: History) => Promise<boolean>): Promise<History> {
  let shortest = history;
  let tries = 0;
  for (let changed = true; changed && tries < MOST_TRIES;) {
    changed = false;
    for (const shorter of simpler(shortest)) {
      tries += 1;
      if (tries >= MOST_TRIES) break;
      if (!(await fails(shorter))) continue;
      shortest = shorter;
      changed = true;
      break;
    }
  }
  return shortest;
}

function* simpler(history: History): Generator<History> {
  const { steps } = history;
  if (history.invoices.length > 1) yield { ...history, invoices: [TOTAL] };
  if (history.opening !== 'none') yield { ...history, opening: 'none' };
  for (const index of steps.keys()) yield { ...history, steps: steps.toSpliced(index, 1) };
  for (const [index, step] of steps.entries())
    if ('trouble' in step && step.trouble !== 'none')
      yield { ...history, steps: steps.with(index, { ...step, trouble: 'none' } satisfies Step) };
}
