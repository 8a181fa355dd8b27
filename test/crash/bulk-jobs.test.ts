/** kill -9 under a bulk job: every selected run gets its command once, whenever the process dies. By the commands that people use. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { AppProcess } from '../support/app-process.ts';
import { Api } from '../support/api.ts';
import { SOON_MS, STORY_MS } from '../support/patience.ts';
import { until } from '../support/until.ts';

const RUNS = 6;
const FLOW = join(import.meta.dirname, 'flows/never-works.yaml');

interface Job {
  readonly id: string;
  readonly total: number;
  readonly status: string;
  readonly planVersion: string;
  readonly progress: { readonly done: number };
}

let app: AppProcess;
let key: string;

beforeAll(async () => {
  app = await AppProcess.prepare({
    LOG_LEVEL: 'warn',
    KASSAFLOW_DEMO: 'false',
    KASSAFLOW_FLOWS: 'database',
    KASSAFLOW_LEASE_MS: '1000',
  });
  await app.start();
  key = (await command<{ secret: string }>('key', 'create', 'shop', '--tenant', 'shop', '--json')).secret;
  await command('flow', 'publish', FLOW);
  for (let number = 0; number < RUNS; number += 1) await command('event', 'send', 'custom.broken', '--data', JSON.stringify({ number }));
}, STORY_MS);
afterAll(() => app.dispose());

async function command<T = string>(...args: readonly string[]): Promise<T> {
  const { code, output } = await app.cli(args, key === undefined ? {} : { KASSAFLOW_API_KEY: key });
  if (code !== 0) throw new Error(`kassaflow ${args.join(' ')} ended with ${code}:\n${output}`);
  return (args.includes('--json') ? JSON.parse(output) : output) as T;
}

/** How often every run has failed, by its timeline. */
async function failures(): Promise<readonly number[]> {
  const api = new Api(app.url, key, SOON_MS);
  const { items } = await api.get<{ items: { id: string }[] }>('/v1/runs?flow=never-works&limit=200');
  return Promise.all(
    items.map(async ({ id }) => {
      const { happenings } = await api.get<{ happenings: { what: string }[] }>(`/v1/runs/${id}`);
      return happenings.filter(({ what }) => what.startsWith('Ended as failed')).length;
    }),
  );
}

test.each([
  ['bulk.commands.before', 2],
  ['bulk.commands.after', 3],
] as const)(
  'at %s is survived',
  async (point, lives) => {
    await until(
      async () => (await failures()).filter((count) => count === lives - 1).length === RUNS,
      () => `not all runs have failed ${lives - 1} times`,
      SOON_MS,
    );
    const preview = await command<Job>('bulk', 'preview', 'retry', '--flow', 'never-works', '--status', 'failed', '--json');
    expect(preview.total).toBe(RUNS);
    app.dieAt(point);
    const start = ['bulk', 'start', preview.id, '--plan', preview.planVersion, '--rate', '2', '--reason', 'a test', '--json'];
    // The process may die before it has answered.
    await command(...start).catch(() => undefined);
    await app.died();
    await app.start();
    let job: Job | undefined;
    await until(
      async () => (job = await command<Job>('bulk', 'show', preview.id, '--json')).status === 'completed',
      () => `the job is ${JSON.stringify(job)}`,
      SOON_MS,
    );
    expect(job?.progress.done).toBe(RUNS);
    await until(
      async () => (await failures()).every((count) => count === lives),
      () => 'a run was not tried again, or twice',
      SOON_MS,
    );
  },
  STORY_MS,
);
