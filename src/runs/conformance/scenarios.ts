/** What every backend of the engine must do alike: a flow, a provider's behaviour, and what comes of it. */
import { failed, unknown, declined } from '@kassaflow/plugin-sdk';
import type { CompiledFlow } from '../../flows/language/compiled-flow.ts';
import type { RunStatus } from '../run.ts';
import { branch, call, choose, computed, fail, flow, literal, orElse, parallel, set, stop, waitUntil } from './flow-builder.ts';
import type { Provider } from './provider.ts';

export interface Scenario {
  readonly name: string;
  readonly flow: CompiledFlow;
  readonly data?: Readonly<Record<string, unknown>>;
  readonly script?: (provider: Provider) => void;
  readonly status: RunStatus;
  /** Paths of the steps whose effect happened; order within a parallel step is free. */
  readonly done: readonly string[];
  /** Calls that reached the provider, when more than one each. */
  readonly calls?: number;
  readonly reason?: string;
}

const statusOf = (id: string) =>
  computed(['steps'], ({ steps }) => (steps as Record<string, { status: string } | undefined>)[id]?.status === 'declined');
const never = computed([], () => false);
const farAway = literal('2999-01-01T00:00:00Z');
const soon = literal('2000-01-01T00:00:00Z');

export const scenarios: readonly Scenario[] = [
  { name: 'a flow without steps completes', flow: flow([]), status: 'completed', done: [] },
  {
    name: 'steps run one after the other',
    flow: flow([call('test.keyed'), call('test.lookup'), call('test.once')]),
    status: 'completed',
    done: ['0', '1', '2'],
  },
  {
    name: 'a step whose condition is false is skipped',
    flow: flow([call('test.keyed', literal({}), { condition: never }), call('test.keyed')]),
    status: 'completed',
    done: ['1'],
  },
  {
    name: 'a branch takes one way',
    flow: flow([branch(never, [call('test.keyed')], [call('test.once')])]),
    status: 'completed',
    done: ['0.else.0'],
  },
  {
    name: 'the first choice that fits is taken, and none is fine',
    flow: flow([
      choose([{ if: never, then: [call('test.once')] }, { then: [call('test.keyed')] }]),
      choose([{ if: never, then: [call('test.once')] }]),
    ]),
    status: 'completed',
    done: ['0.choose.1.0'],
  },
  {
    name: 'a decline is a result that the flow branches on',
    flow: flow([call('test.keyed', literal({}), { id: 'charge' }), branch(statusOf('charge'), [call('test.once')])]),
    script: (provider) => provider.script('test.keyed', () => declined('insufficient-funds', 'Not enough money')),
    status: 'completed',
    done: ['1.then.0'],
    calls: 2,
  },
  {
    name: 'a temporary failure is tried again with the same key',
    flow: flow([call('test.keyed')]),
    script: (provider) =>
      provider.script(
        'test.keyed',
        () => failed('temporary', 'Busy'),
        () => failed('rate-limited', 'Slow', { retryAfterMs: 3 }),
      ),
    status: 'completed',
    done: ['0'],
    calls: 3,
  },
  {
    name: 'attempts end, and the failure reaches the run',
    flow: flow([call('test.keyed')]),
    script: (provider) => provider.script('test.keyed', ...Array.from({ length: 3 }, () => () => failed('temporary', 'Busy'))),
    status: 'failed',
    done: [],
    calls: 3,
    reason: 'Busy',
  },
  {
    name: 'wrong input is never tried again',
    flow: flow([call('test.keyed')]),
    script: (provider) => provider.script('test.keyed', () => failed('input', 'No such customer')),
    status: 'failed',
    done: [],
    calls: 1,
  },
  {
    name: 'a refused connection burns no attempts',
    flow: flow([call('test.keyed')]),
    script: (provider) => provider.script('test.keyed', ...Array.from({ length: 6 }, () => () => failed('auth', 'Key revoked'))),
    status: 'completed',
    done: ['0'],
    calls: 7,
  },
  {
    name: 'on-failure: continue goes on',
    flow: flow([orElse(call('test.keyed'), 'continue'), call('test.once')]),
    script: (provider) => provider.script('test.keyed', () => failed('permanent', 'Closed')),
    status: 'completed',
    done: ['1'],
    calls: 2,
  },
  {
    name: 'on-failure steps run in place of the failed one',
    flow: flow([orElse(call('test.keyed'), [call('test.lookup')]), call('test.once')]),
    script: (provider) => provider.script('test.keyed', () => failed('permanent', 'Closed')),
    status: 'completed',
    done: ['0.on-failure.0', '1'],
    calls: 3,
  },
  {
    name: 'fail fails, after the on-failure of the flow',
    flow: flow([fail('no stock')], { onFailure: [call('test.keyed')] }),
    status: 'failed',
    done: ['on-failure.0'],
    reason: 'no stock',
  },
  {
    name: 'stop stops, also from inside a branch',
    flow: flow([branch(literal(true), [stop('enough')]), call('test.keyed')]),
    status: 'stopped',
    done: [],
    reason: 'enough',
  },
  {
    name: 'parallel branches all finish, and the first failure by order counts',
    flow: flow([parallel({ a: [call('test.once')], b: [call('test.keyed'), call('test.lookup')] })]),
    script: (provider) => provider.script('test.once', () => failed('permanent', 'Closed')),
    status: 'failed',
    done: ['0.parallel.b.0', '0.parallel.b.1'],
    calls: 3,
    reason: 'Closed',
  },
  {
    name: 'stop-others keeps a sleeping branch from going on',
    flow: flow([parallel({ a: [fail('broken')], b: [waitUntil(farAway), call('test.keyed')] }, 'stop-others')]),
    status: 'failed',
    done: [],
    reason: 'broken',
  },
  { name: 'a wait whose moment has passed is over', flow: flow([waitUntil(soon), call('test.keyed')]), status: 'completed', done: ['1'] },
  {
    name: 'two branches sleep, each for its own time',
    flow: flow([parallel({ a: [waitUntil(soon), call('test.keyed')], b: [waitUntil(soon), call('test.once')] }), call('test.lookup')]),
    status: 'completed',
    done: ['0.parallel.a.1', '0.parallel.b.1', '1'],
  },
  {
    name: 'an unknown outcome of a keyed action is sent again under its key',
    flow: flow([call('test.keyed')]),
    script: (provider) =>
      provider.script('test.keyed', (attempt) => {
        provider.happen(attempt);
        return unknown('Connection reset');
      }),
    status: 'completed',
    done: ['0'],
    calls: 2,
  },
  {
    name: 'an unknown outcome that lookup finds is not sent again',
    flow: flow([call('test.lookup', literal({}), { id: 'found' })]),
    script: (provider) =>
      provider.script('test.lookup', (attempt) => {
        provider.happen(attempt);
        return unknown('Connection reset');
      }),
    status: 'completed',
    done: ['0'],
    calls: 1,
  },
  {
    name: 'an unknown outcome that lookup proves absent is sent again',
    flow: flow([call('test.lookup')]),
    script: (provider) => provider.script('test.lookup', () => unknown('Connection reset')),
    status: 'completed',
    done: ['0'],
    calls: 2,
  },
  {
    name: 'an unknown outcome of an action that is neither waits for a person',
    flow: flow([call('test.once')]),
    script: (provider) => provider.script('test.once', () => unknown('Connection reset')),
    status: 'attention',
    done: [],
    calls: 1,
  },
  {
    name: 'on-unknown: resend sends it again',
    flow: flow([call('test.once', literal({}), { onUnknown: 'resend' })]),
    script: (provider) => provider.script('test.once', () => unknown('Connection reset')),
    status: 'completed',
    done: ['0'],
    calls: 2,
  },
  {
    name: 'the time-out of a flow ends its waits, and its on-failure runs without one',
    flow: flow(
      [call('test.keyed'), parallel({ a: [orElse(waitUntil(farAway), 'continue')], b: [waitUntil(farAway)] }), call('test.keyed')],
      {
        timeoutMs: 50,
        onFailure: [waitUntil(computed(['now'], ({ now }) => new Date(Date.parse(String(now)) + 60).toISOString())), call('test.once')],
      },
    ),
    status: 'failed',
    done: ['0', 'on-failure.1'],
    reason: 'within the time',
  },
  {
    name: 'a flow that is done in time is not ended by its time-out',
    flow: flow([call('test.keyed'), waitUntil(soon), call('test.once')], { timeoutMs: 60_000 }),
    status: 'completed',
    done: ['0', '2'],
  },
  {
    name: 'values of one step reach the next',
    flow: flow([
      set({ greeting: computed(['event'], ({ event }) => `Hi ${String((event as { name: string }).name)}`) }),
      call(
        'test.keyed',
        computed(['vars'], ({ vars }) => vars),
        { id: 'one' },
      ),
      branch(
        computed(['steps'], ({ steps }) => (steps as { one: { echo: { greeting: string } } }).one.echo.greeting === 'Hi Kim'),
        [call('test.once')],
      ),
    ]),
    data: { name: 'Kim' },
    status: 'completed',
    done: ['1', '2.then.0'],
  },
];
