import { NEEDS, type ConformanceTest } from '../conformance-test.ts';
import { LeftOut, lever, must, show } from '../finding.ts';
import type { Action } from '../../action.ts';
import type { Outcome } from '../../outcome.ts';
import type { Polled } from '../../trigger.ts';
import { entryOf } from '../plugin-files.ts';
import type { WireFault } from '../wire.ts';
import { valueOf, type CallOptions, type World } from '../world.ts';

const group = 'actions and triggers';
/** How long a plugin has to stop once it is told to. */
const STOP_MS = 1_000;

export const actionTests: readonly ConformanceTest[] = [
  {
    id: 'T1',
    group,
    title: 'has actions that do what their effect class promises',
    needs: NEEDS.actions,
    run: async (world) => {
      let tried = 0;
      for (const action of world.plugin.actions ?? []) {
        if (world.provider.actions?.[action.name] === undefined) {
          world.warn(`the lever actions["${action.name}"] is not given`);
          continue;
        }
        await mustHoldItsEffect(world, action);
        tried += 1;
      }
      if (tried === 0) throw new LeftOut('the lever actions is not given');
    },
  },
  {
    id: 'T2',
    group,
    title: 'stops within a second when it is told to',
    withinMs: 20_000,
    run: async (world) => {
      world.wire.script('hang-before');
      world.wire.script('hang-before', 'reads');
      const work = workOf(world);
      const startedAt = performance.now();
      const signal = AbortSignal.timeout(200);
      await world.timed('a call that is aborted after 200 ms', 200 + STOP_MS, () => work(world, { signal }));
      if (performance.now() - startedAt < 150) world.warn('the call came to an end before it was aborted');
      if (world.production) await mustStopInProduction(world, world.production);
      else world.warn('the host was not there to stop it too: run `kassaflow plugin test`');
    },
  },
  {
    id: 'T3',
    group,
    title: 'polls without losing or doubling an item, over a restart and at equal times',
    needs: NEEDS.polls,
    run: async (world) => {
      let tried = 0;
      for (const trigger of world.plugin.triggers ?? []) {
        if (trigger.poll === undefined || world.provider.triggers?.[trigger.name] === undefined) continue;
        await mustPoll(world, trigger.name);
        tried += 1;
      }
      if (tried === 0) throw new LeftOut('the lever triggers is not given');
    },
  },
  {
    id: 'T4',
    group,
    title: 'answers with an outcome, whatever the provider answers, and throws nothing',
    run: async (world) => {
      const faults: readonly WireFault[] = ['html-after', 'truncated-after', 'drop-before', '503-before', '429'];
      const work = workOf(world);
      for (const fault of faults) {
        world.wire.script(fault);
        world.wire.script(fault, 'reads');
        await work(world, { key: `kit:${fault}` });
        world.wire.mend();
        must(
          world.thrown.length === 0,
          `an outcome after ${fault}`,
          show(world.thrown[0]),
          'what the plugin throws the host has to guess at',
        );
      }
    },
  },
];

/** Something that the plugin does at the provider: a payment, an entry, an action, or at the least the check. */
function workOf({ plugin, provider }: World): (world: World, options: CallOptions) => Promise<unknown> {
  if (plugin.payments && provider.payments) return (world, options) => world.create(world.order(), options);
  const action = plugin.actions?.find(({ name }) => provider.actions?.[name] !== undefined);
  if (action) return (world, options) => runAction(world, action, options);
  return (world, options) =>
    world.call('connection.check', options, async (context) => {
      await plugin.connection.check(context);
      return { kind: 'ok', value: undefined, reference: '' };
    });
}

function runAction(world: World, action: Action, options: CallOptions): Promise<Outcome<unknown>> {
  const { input } = lever(world.provider.actions?.[action.name], `actions["${action.name}"]`);
  return world.call(action.name, { key: `${action.name}:1`, ...options }, (context) => action.run(context, input));
}

async function mustHoldItsEffect(world: World, action: Action): Promise<void> {
  const { effects, input } = lever(world.provider.actions?.[action.name], `actions["${action.name}"]`);
  const before = await effects();
  const lookUp = (key: string) => world.call(`${action.name}: lookup`, { key }, (context) => action.lookup?.(context, input));
  if (action.effect === 'lookup') {
    const absent = await lookUp(`${action.name}:1`);
    must(
      absent.kind === 'ok' && absent.value === undefined,
      'proof that nothing happened, before anything did',
      absent,
      `${action.name}: lookup`,
    );
    world.wire.script('drop-after');
    const lost = await runAction(world, action, { attempt: 1 });
    world.wire.mend();
    must(lost.kind === 'unknown', 'unknown when the answer was lost', lost, action.name);
    const found = await lookUp(`${action.name}:1`);
    must(found.kind === 'ok' && found.value !== undefined, 'what the lost attempt did', found, `${action.name}: lookup`);
    must((await effects()) - before === 1, 'one effect of one call', (await effects()) - before, action.name);
    world.wire.cut();
    const blind = await lookUp(`${action.name}:1`);
    must(
      blind.kind === 'failed',
      'failed when the provider cannot be asked: absence is proved or not said',
      blind,
      `${action.name}: lookup`,
    );
    return;
  }
  valueOf(await runAction(world, action, { attempt: 1 }), action.name);
  const once = (await effects()) - before;
  if (action.effect === 'read') return must(once === 0, 'nothing changed by a read', once, action.name);
  must(once === 1, 'one effect of one call', once, action.name);
  if (action.effect === 'once') return;
  valueOf(await runAction(world, action, { attempt: 2 }), action.name);
  must((await effects()) - before === 1, 'one effect of two attempts with one key', (await effects()) - before, action.name);
  world.wire.script('drop-after');
  const lost = await runAction(world, action, { key: `${action.name}:2` });
  world.wire.mend();
  must(lost.kind === 'unknown', 'unknown when the answer was lost', lost, action.name);
  valueOf(await runAction(world, action, { key: `${action.name}:2`, attempt: 2 }), action.name);
  must((await effects()) - before === 2, 'one effect more, of the second key', (await effects()) - before, action.name);
}

async function mustPoll(world: World, name: string): Promise<void> {
  const trigger = world.plugin.triggers?.find((one) => one.name === name);
  const { make, input = {} } = lever(world.provider.triggers?.[name], `triggers["${name}"]`);
  const poll = async (cursor?: string): Promise<Polled<unknown>> => {
    const outcome = await world.call(name, {}, (context) =>
      trigger?.poll?.(context, { input, ...(cursor === undefined ? {} : { cursor }) }),
    );
    return valueOf(outcome, `${name}: poll`) as Polled<unknown>; // what the contract says of poll
  };
  await make(2);
  const start = await poll();
  must(start.items.length === 0, 'no items at the first poll: it begins at the present', start.items, name);
  const expected = [...(await make(3)), ...(await make(2))];
  const found: string[] = [];
  let { cursor } = start;
  for (let round = 0; round < 20; round += 1) {
    const page = await poll(cursor);
    found.push(...page.items.map(({ id }) => id));
    ({ cursor } = page);
    if (page.more !== true) break;
  }
  const once = [...new Set(found)];
  must(
    expected.every((id) => once.includes(id)),
    'every new item',
    { expected, found },
    name,
  );
  must(
    once.every((id) => expected.includes(id)),
    'new items alone',
    { expected, found },
    name,
  );
  const again = await poll(start.cursor);
  must(
    expected.every((id) => again.items.some((item) => item.id === id)),
    'the same items from the same cursor, after a crash',
    again.items.map(({ id }) => id),
    name,
  );
  const rest = (await poll(cursor)).items.filter(({ id }) => !expected.includes(id));
  must(rest.length === 0, 'nothing new when nothing is new', rest, name);
}

/** In its process: the host gives the call up in time, and the request that hangs is closed. */
async function mustStopInProduction(world: World, production: NonNullable<World['production']>): Promise<void> {
  const { plugin, subject, wire, provider } = world;
  const before = wire.sent.length;
  const origins = Object.fromEntries(Object.keys(provider.origins).map((origin) => [origin, wire.url]));
  const running = await production.start({ id: plugin.id, folder: subject.folder, entry: entryOf(subject), origins });
  try {
    must(running.refusal === undefined, 'a plugin that the host takes', running.refusal, 'plugin.ts');
    const pays = plugin.payments !== undefined && provider.payments !== undefined;
    const call = {
      path: pays ? 'payments.create' : 'connection.check',
      input: pays ? world.order() : null,
      settings: provider.settings,
      key: 'kit:stop',
      timeoutMs: 1_500,
    };
    const result = await running.call(call);
    must(result.kind !== 'died', 'a process that lives', result, call.path);
    await world.timed('the request of a call that is over to be closed', STOP_MS, async () => {
      while (wire.sent.slice(before).some(({ status, abandoned }) => status === 0 && !abandoned))
        await new Promise((resolve) => setTimeout(resolve, 20));
    });
    wire.mend();
    const next = await running.call({ ...call, key: 'kit:next', timeoutMs: 5_000, ...(pays ? { input: world.order() } : {}) });
    must(next.kind === 'answer', 'an answer of the next call: nothing is left of the one before', next, call.path);
  } finally {
    await running.stop();
  }
}
