/** Plays histories one after the other, and makes the first that does not agree as short as it gets. */
import { seededRandom } from '../chaos/random.ts';
import { DeskCalls } from '../desks/desk-calls.ts';
import type { Desk } from '../desks/desk.ts';
import { DESKS, type DeskName } from '../desks/desks.ts';
import { newUuid } from '../../src/kernel/ids.ts';
import type { Core } from './core.ts';
import { drawHistory, type History, type Step } from './history.ts';
import { MemoryCore } from './memory-core.ts';
import type { PlantedBug } from './planted-bug.ts';
import { tell } from './tell.ts';

export interface Campaign {
  readonly provider: DeskName;
  readonly count: number;
  readonly seed: number;
  /** The first one; default 0. With a count of 1 it is told again by itself. */
  readonly from?: number;
  readonly bug?: PlantedBug | undefined;
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
  readonly failure: Failure | undefined;
}

/** A server's lists and timers grow with each payment: a new one is opened after so many. */
const PER_DESK = 200;
/** Longer tries to shorten are not worth it. */
const MOST_TRIES = 300;

export async function playHistories({ provider, count, seed, from = 0, bug }: Campaign): Promise<Verdict> {
  let steps = 0;
  for (let index = from; index < from + count; index += PER_DESK) {
    const desk = await DESKS[provider]();
    try {
      const calls = new DeskCalls(desk);
      const coreOf = (): Core => new MemoryCore(calls, newUuid(), bug);
      for (let own = index; own < Math.min(index + PER_DESK, from + count); own += 1) {
        const history = historyAt(seed, own, desk);
        steps += history.steps.length;
        const problem = await told(history, desk, coreOf());
        if (problem !== undefined) {
          const shortest = await shorten(history, async (shorter) => (await told(shorter, desk, coreOf())) !== undefined);
          return {
            played: own - from + 1,
            steps,
            failure: { index: own, problem: (await told(shortest, desk, coreOf())) ?? problem, shortest },
          };
        }
      }
    } finally {
      await desk.close();
    }
  }
  return { played: count, steps, failure: undefined };
}

export function historyAt(seed: number, index: number, desk: Desk): History {
  return drawHistory(seededRandom(`${seed} ${index} ${desk.plugin.id}`), desk);
}

/** What breaks is a problem like any other. */
export async function told(history: History, desk: Desk, core: Core): Promise<string | undefined> {
  try {
    return await tell(history, desk, core);
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
  if (history.opening !== 'none') yield { ...history, opening: 'none' };
  for (const index of steps.keys()) yield { ...history, steps: steps.toSpliced(index, 1) };
  for (const [index, step] of steps.entries())
    if ('trouble' in step && step.trouble !== 'none')
      yield { ...history, steps: steps.with(index, { ...step, trouble: 'none' } satisfies Step) };
}
