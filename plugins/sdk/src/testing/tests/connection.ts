import { type ConformanceTest, NEEDS, testsIn } from '../conformance-test.ts';
import { LeftOut, lever, must, show, Unmet } from '../finding.ts';
import type { CheckResult } from '../../plugin.ts';
import type { PaymentMethod } from '../../payments.ts';
import { valueOf, type CallOptions, type World } from '../world.ts';

const LOOK = 'connection.check';

const test = testsIn('connection');

export const connectionTests: readonly ConformanceTest[] = [
  test('C1', 'tells whose account a working connection is', async (world) => {
    const result = await check(world);
    must(result.ok, 'a connection that works', result, LOOK);
    must(result.account.trim() !== '', 'the name or id of the account', result, LOOK);
    must(result.mode === 'test', 'the mode of the test connection', result, LOOK);
  }),

  test('C2', 'points at the setting when the provider refuses the key', async (world) => {
    const wrong = lever(world.provider.wrongKey, 'wrongKey');
    const result = await check(world, { settings: wrong.settings });
    must(!result.ok, 'a refusal', result, LOOK);
    must(result.field === wrong.field, `a refusal that names “${wrong.field}”`, result, LOOK);
    mustHideSecrets(world, wrong.settings, result);
  }),

  test('C3', 'blames nobody’s key when the provider cannot be reached', async (world) => {
    world.wire.cut();
    const result = await check(world);
    must(!result.ok, 'no success while the line is cut', result, LOOK);
    must(result.field === undefined, 'a refusal without a field: the settings may be right', result, LOOK);
  }),

  test('C4', 'refuses a key of the other mode before anything is sent', async (world) => {
    if (world.provider.liveKey === undefined)
      throw new LeftOut('the lever liveKey is not given: a key does not tell its mode, or it has none');
    const settings = world.provider.liveKey;
    const result = await check(world, { settings });
    must(!result.ok || result.mode === 'live', 'a refusal, or the mode that the host refuses', result, LOOK);
    if (!world.plugin.payments || !world.provider.payments) return;
    world.wire.sent.length = 0;
    const outcome = await world.create(world.order(), { settings, mode: 'test' });
    must(
      outcome.kind === 'failed' && outcome.reason === 'auth',
      'failed/auth for a live key in a test connection',
      outcome,
      'payments.create',
    );
    must(world.wire.changes.length === 0, 'nothing sent with a live key', world.wire.changes, 'payments.create');
  }),

  test('C5', 'refreshes its access token once under ten calls at a time', async (world) => {
    if (world.provider.tokenPath === undefined) throw new LeftOut('the provider has no access tokens (`tokenPath`)');
    await Promise.all(Array.from({ length: 10 }, () => check(world)));
    must(world.wire.tokens.length <= 1, 'one request for a token', world.wire.tokens.length, 'the token cache');
    must(world.wire.tokens.length === 1, 'a request for a token', 0, 'the token cache, which outlives a connection’s settings');
  }),

  test(
    'C6',
    'asks the provider for the ways of paying that the account has now',
    async (world) => {
      const { amount } = world.order();
      const ask = () =>
        world.call<readonly PaymentMethod[]>('payments.methods', {}, (context) => world.plugin.payments?.methods?.(context, { amount }));
      const methods = valueOf(await ask(), 'payments.methods');
      must(methods.length > 0, 'at least one way of paying', methods, 'payments.methods');
      const ids = methods.map(({ id }) => id);
      must(new Set(ids).size === ids.length, 'each way of paying once', ids, 'payments.methods');
      for (const { id, title, flows } of methods) {
        must(/^[a-z0-9]+(-[a-z0-9]+)*$/.test(id), 'ids in kebab-case', id, 'payments.methods');
        must(title !== '' && flows.length > 0, 'a title and a way of approving', { id, title, flows }, 'payments.methods');
      }
      if (world.wire.sent.length === 0) return world.warn('payments.methods asks nobody: it tells what the settings say');
      world.wire.cut();
      const lost = await ask();
      must(
        lost.kind === 'failed' && lost.reason === 'temporary',
        'failed/temporary without a line: nothing is made up',
        lost,
        'payments.methods',
      );
    },
    NEEDS.methods,
  ),
];

/** A check that throws is what the host reads as “could not check”: no success, and nobody’s field. */
async function check(world: World, options: CallOptions = {}): Promise<CheckResult> {
  return world
    .timed(LOOK, 4_000, () => world.plugin.connection.check(world.context(options)))
    .catch((error: unknown): CheckResult => {
      if (error instanceof Unmet) throw error;
      world.thrown.push(error);
      return { ok: false, message: show(error) };
    });
}

/** @throws Unmet when a secret setting stands in what a person or a log will show */
export function mustHideSecrets(world: World, settings: Readonly<Record<string, unknown>>, shown: unknown): void {
  const fields = world.plugin.connection.settings.properties;
  const text = JSON.stringify([shown, world.logged]);
  for (const [name, value] of Object.entries(settings)) {
    if (fields[name]?.['x-secret'] !== true || typeof value !== 'string' || value.length < 6) continue;
    must(!text.includes(value), `no word of the secret “${name}” in messages and logs`, 'the secret itself', 'messages of outcomes');
  }
}
