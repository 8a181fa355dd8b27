/**
 * Runs the tests of the kit against one plugin.
 *
 * How near to production? Most tests call the plugin in this process, through a context whose `fetch` and `agent` lead to the {@link Wire}:
 * a test then takes milliseconds, sees every request, can break the line at any point, and an author can step through it with a
 * debugger. What only a process of its own can show runs there: what loading leaves behind (M11), and that a call which is over leaves nothing
 * running (T2). For these two the host gives its door, with its own gateway, permissions and watchdog; the SDK itself knows nothing of it.
 *
 * A plugin that never answers fails the test, and the next one goes on: every wait has an end. A plugin that keeps the processor busy in an
 * endless loop cannot be stopped from within its own process; `kassaflow plugin test` runs the kit in a child and ends that.
 */
import { CONFORMANCE_TESTS } from './all-tests.ts';
import type { ConformanceTest, Group } from './conformance-test.ts';
import { LeftOut, must, show, Unmet } from './finding.ts';
import { offline } from './offline.ts';
import type { ProductionDoor } from './production.ts';
import type { Subject } from './subject.ts';
import { World } from './world.ts';

export interface TestResult {
  readonly id: string;
  readonly group: Group;
  readonly title: string;
  readonly result: 'passed' | 'failed' | 'left out';
  readonly ms: number;
  /** With `failed`: what was expected, what came, where to look. */
  readonly finding?: { readonly expected: string; readonly came: string; readonly look: string };
  /** With `left out`: the capability that is missing, or the reason. */
  readonly reason?: string;
  readonly warnings: readonly string[];
}

export interface RunOptions {
  /** Runs these alone, by id. */
  readonly only?: readonly string[];
  readonly production?: ProductionDoor;
  /** For the whole plugin, in milliseconds; default 20 s. */
  readonly budgetMs?: number;
  /** Told before each test, with the time that it may take. */
  readonly starting?: (test: Pick<TestResult, 'id' | 'group' | 'title'> & { readonly withinMs: number }) => void;
  readonly finished?: (result: TestResult) => void;
}

export const BUDGET_MS = 20_000;
const TEST_MS = 5_000;
const CLOSE_MS = 2_000;

/** Runs the tests one after the other, each in a world of its own. Never rejects. */
export async function runConformance(subject: Subject, options: RunOptions = {}): Promise<readonly TestResult[]> {
  const endsAt = performance.now() + (options.budgetMs ?? BUDGET_MS);
  const chosen = CONFORMANCE_TESTS.filter(({ id }) => options.only?.includes(id) ?? true);
  const results: TestResult[] = [];
  for (const test of chosen) {
    const { id, group, title, withinMs = TEST_MS } = test;
    options.starting?.({ id, group, title, withinMs });
    const result = await runOne(test, subject, options, endsAt);
    options.finished?.(result);
    results.push(result);
  }
  return results;
}

/** Runs one test by its id. @throws TypeError for an id that is not in the kit */
export async function runConformanceTest(id: string, subject: Subject, options: Omit<RunOptions, 'only'> = {}): Promise<TestResult> {
  const [result] = await runConformance(subject, { ...options, only: [id] });
  if (!result) throw new TypeError(`The kit has no test ${id}`);
  return result;
}

async function runOne(test: ConformanceTest, subject: Subject, options: RunOptions, endsAt: number): Promise<TestResult> {
  const { id, group, title, needs } = test;
  const base = { id, group, title };
  const missing = needs !== undefined && !needs.has(subject.plugin);
  if (missing) return { ...base, result: 'left out', ms: 0, reason: `the plugin has no ${needs.name}`, warnings: [] };
  const startedAt = performance.now();
  const left = endsAt - startedAt;
  if (left <= 0) {
    const finding = {
      expected: `all tests within ${options.budgetMs ?? BUDGET_MS} ms`,
      came: 'the time was used up before this one',
      look: 'the tests that took longest',
    };
    return { ...base, result: 'failed', ms: 0, finding, warnings: [] };
  }
  const opened: World[] = [];
  const outcome = await within(Math.min(test.withinMs ?? TEST_MS, left), async () => {
    const world = await World.open(subject, { production: options.production, isLive: test.live === true });
    opened.push(world);
    const { tried } = await offline(() => test.run(world));
    must(tried.length === 0, 'requests through context.fetch and context.agent alone', tried, 'what the plugin calls by itself');
  });
  const warnings = opened.flatMap((world) => world.warnings);
  await within(CLOSE_MS, () => Promise.all(opened.map((world) => world.close())));
  return { ...base, ...resultOf(outcome), ms: Math.round(performance.now() - startedAt), warnings };
}

function resultOf(error: unknown): Pick<TestResult, 'result' | 'finding' | 'reason'> {
  if (error === undefined) return { result: 'passed' };
  if (error instanceof LeftOut) return { result: 'left out', reason: error.message };
  if (error instanceof Unmet) return { result: 'failed', finding: { expected: error.expected, came: error.came, look: error.look } };
  const look = error instanceof Error ? (error.stack ?? '').split('\n').slice(1, 4).join(' ').trim() : '';
  return {
    result: 'failed',
    finding: { expected: 'a test that runs to its end', came: show(error), look: look || 'the levers of conformance.ts' },
  };
}

/** What `work` threw; an {@link Unmet} when it takes too long, and `undefined` when it came to its end. */
async function within(ms: number, work: () => Promise<unknown>): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<unknown>((resolve) => {
    timer = setTimeout(
      () => resolve(new Unmet(`an end within ${Math.round(ms)} ms`, 'the test did not come to one', 'what hangs: the plugin, or a lever')),
      ms,
    );
  });
  const done = work().then(
    () => undefined,
    (error: unknown) => error ?? new Error('undefined was thrown'),
  );
  const outcome = await Promise.race([done, late]);
  clearTimeout(timer);
  return outcome;
}
