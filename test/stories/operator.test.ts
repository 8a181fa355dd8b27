/** What an operator does by command: publish, try, start, answer, look, repair, limit. The real program on both sides. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { AppProcess } from '../support/app-process.ts';
import { STORY_MS } from '../support/patience.ts';
import { until } from '../support/until.ts';

jest.setTimeout(STORY_MS);

const COLLECT = `kassaflow: 1
flow: z-collect
on: { manual: { who: finance, inputs: { note: { type: text }, amount: { type: money }, urgent: { type: yes-no, optional: true } } } }
steps:
  - id: ok
    ask: Collect it?
    who: finance
    choices: [collect, leave]
  - if: steps.ok.choice == "leave"
    stop: left
  - do: staff.task
    with: { team: finance, title: "{{ inputs.note }} {{ money inputs.amount }}" }
`;
const CALLER = `kassaflow: 1
flow: caller
on: custom.debt
steps:
  - run: z-collect
    with: { note: from the caller, amount: "5.00 EUR" }
`;
const BROKEN = `kassaflow: 1
flow: broken
on: custom.broken
steps:
  - id: add
    do: credit.add
    with: { customer: =event.customer, credits: 5, order: none }
`;

interface Listed {
  readonly id: string;
  readonly flow: string;
  readonly status: string;
  readonly fingerprint: string;
}

let app: AppProcess;
let key = '';

beforeAll(async () => {
  app = await AppProcess.prepare({ LOG_LEVEL: 'warn', KASSAFLOW_DEMO: 'false', KASSAFLOW_FLOWS: 'database' });
  await app.start();
  key = (JSON.parse(await ok('key', 'create', 'operator', '--tenant', 'shop', '--json')) as { secret: string }).secret;
  mkdirSync(join(app.folder, 'flows'));
  write('caller', CALLER);
  write('z-collect', COLLECT);
  write('broken', BROKEN);
});
afterAll(() => app.dispose());

const write = (name: string, source: string) => writeFileSync(join(app.folder, 'flows', `${name}.yaml`), source);
const run = (...args: readonly string[]) => as(key, ...args);
const as = (holder: string, ...args: readonly string[]) => app.cli(args, holder === '' ? {} : { KASSAFLOW_API_KEY: holder });

async function ok(...args: readonly string[]): Promise<string> {
  const { code, output } = await run(...args);
  expect([args, code, output]).toEqual([args, 0, output]);
  return output.trim();
}

/** The list that a command prints, once it is as long as it will be. */
async function listed(length: number, ...args: readonly string[]): Promise<Listed[]> {
  let found: Listed[] = [];
  await until(
    async () => (found = JSON.parse(await ok(...args, '--json')) as Listed[]).length === length,
    () => `${args.join(' ')} gives ${JSON.stringify(found)}`,
  );
  return found;
}

test('flows are checked, published in the order in which they need each other, and tried', async () => {
  expect(await ok('check')).toBe('3 files, no problems');
  expect((await ok('flow', 'publish', 'flows')).split('\n').toSorted()).toEqual([
    'broken revision 1',
    'caller revision 1',
    'z-collect revision 1',
  ]);
  write('caller', CALLER.replace('z-collect', 'z-colect').replace('flow: caller', 'flow: other'));
  const refused = await run('check', 'flows/caller.yaml');
  expect([refused.code, refused.output]).toEqual([1, expect.stringContaining('= did you mean z-collect?')]);
  write('z-collect', COLLECT.replace('Collect it?', 'Collect it now?'));
  expect(await ok('flow', 'diff', 'flows/z-collect.yaml', '1')).toContain('Collect it now?');
  expect(await ok('flow', 'dry-run', 'z-collect', '--inputs', '{"note":"x"}')).toContain('z-collect would be waiting');
  expect((await run('flow', 'dry-run', 'z-collect', '--inputs', '{"nte":"x"}')).output).toContain('/inputs/nte');
});

test('a flow is started by hand and by another flow, asks, and goes on with the answer', async () => {
  const started = await ok('flow', 'run', 'z-collect', '--input', 'note=by hand', '--input', 'amount=12.50 EUR', '--input', 'urgent=yes');
  expect(started).toMatch(/^run_[a-z0-9]+$/);
  const wrong = await run('flow', 'run', 'z-collect', '--input', 'nte=x', '--inputs', '{"note":"x"}');
  expect([wrong.code, wrong.output]).toEqual([1, expect.stringMatching(/\/inputs\/nte: There is no such field/)]);
  await ok('event', 'send', 'custom.debt');
  for (const { id } of await listed(2, 'task', 'list')) expect(await ok('task', 'answer', id, 'collect')).toBe(`${id} is done: collect`);
  const left = JSON.stringify(await listed(2, 'task', 'list'));
  expect(left).toMatch(/"title":"by hand [^"]*12[.,]50/);
  expect(left).toMatch(/"title":"from the caller [^"]*5[.,]00/);
  expect(await ok('run', 'show', started)).toContain('completed');
});

test('a flow that is for one team is started by a key of that team, and by nobody else', async () => {
  const keyOf = async (...scopes: readonly string[]) => {
    const made = await ok('key', 'create', 'till', ...scopes.flatMap((scope) => ['--scope', scope]), '--json');
    return (JSON.parse(made) as { secret: string }).secret;
  };
  const start = async (...scopes: readonly string[]) => {
    const { code, output } = await as(
      await keyOf(...scopes),
      'flow',
      'run',
      'z-collect',
      '--inputs',
      '{"note":"x","amount":{"amount":"1","currency":"EUR"}}',
    );
    return [code, output.trim()];
  };
  const refused = [1, expect.stringMatching(/The flow is for another team to start .*team: finance[^]*runs\.team-required/)];
  expect(await start('runs:write')).toEqual(refused);
  expect(await start('runs:write', 'team:sales')).toEqual(refused);
  expect(await start('runs:write', 'team:finance')).toEqual([0, expect.stringMatching(/^run_/)]);
  expect((await run('key', 'create', 'till', '--scope', 'team:Finance')).code).toBe(1);
});

test('runs that failed are found by group, computed again, and retried or skipped', async () => {
  for (let n = 0; n < 2; n += 1) await ok('event', 'send', 'custom.broken', '--data', '{"customer":"nobody"}');
  const [first, second] = await listed(2, 'run', 'list', '--flow', 'broken', '--status', 'failed');
  const [group] = await listed(1, 'dead-letters');
  await ok('run', 'export', first?.id ?? '', '--to', 'recorded.json');
  expect(await ok('run', 'replay', 'recorded.json')).toBe('1 steps computed again, no difference');
  expect(await ok('run', 'replay', second?.id ?? '')).toBe('1 steps computed again, no difference');
  expect((await run('run', 'replay', 'nothing.json')).output).toContain('there is no file nothing.json');
  const preview = await ok('bulk', 'preview', 'retry', '--fingerprint', group?.fingerprint ?? '');
  const [, job = '', plan = ''] = /bulk start (job_\w+) --plan (\w+)/.exec(preview) ?? [];
  await ok('bulk', 'start', job, '--plan', plan, '--reason', 'once more');
  await until(
    async () => (await ok('bulk', 'show', job)).includes('2 done'),
    () => `${job} did not end`,
  );
  expect(await ok('run', 'skip', first?.id ?? '', '--reason', 'not needed')).toBe(`${first?.id} is completed`);
});

test('guards are shown, changed one by one, and set back', async () => {
  expect(await ok('guards', 'show')).toContain('everything is as the defaults have it');
  expect(await ok('guards', 'set', 'messages.perReceiver.cap=3', 'charges.perInvoice.whenReached=park')).toMatch(
    /version 1\nmessages\.perReceiver +cap 3, whenReached stop\n/,
  );
  expect(await ok('guards', 'set', 'messages.perReceiver=default')).toMatch(
    /messages\.perReceiver .*\(default\)[^]*perInvoice .*whenReached park/,
  );
  const wrong = await run('guards', 'set', 'messages.perReciever.cap=3');
  expect([wrong.code, wrong.output]).toEqual([1, expect.stringContaining('perReceiver')]);
});
