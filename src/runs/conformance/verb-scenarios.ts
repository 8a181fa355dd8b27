/** What every backend must do alike where a run waits for something from outside, goes in circles, or takes back what it did. */
import { declined } from '@kassaflow/plugin-sdk';
import type { CompiledFlow, Expression, Scope } from '../../flows/language/compiled-flow.ts';
import {
  ask,
  branch,
  call,
  computed,
  emit,
  fail,
  flow,
  forEach,
  literal,
  orElse,
  parallel,
  repeat,
  runFlow,
  set,
  stop,
  waitFor,
  waitUntil,
  within,
  withUndo,
} from './flow-builder.ts';
import { orderScenarios } from './order-scenarios.ts';
import { broken, farAway, field, goesOn, isEqual, type Happening, type VerbScenario } from './verb-scenario.ts';

const SECOND = { count: 1, unit: 'second' } as const;
const paidFor = (invoice: string): Happening => ({ event: 'invoice.paid', data: { invoice: { id: invoice } } });
const sameInvoice = { key: { path: 'invoice.id', value: field('event', 'invoice.id') } };
const INV_1 = { invoice: { id: 'inv_1' } };
const count = (variable: string): Expression => computed(['vars'], ({ vars }) => Number((vars as Scope)[variable]) + 1);
const child = (name: string, steps: Parameters<typeof flow>[0]): CompiledFlow => ({
  ...flow(steps),
  name,
  triggers: [{ kind: 'manual', inputs: { n: { type: 'number', optional: true } } }],
});

const waits: readonly VerbScenario[] = [
  {
    name: 'an event that is meant ends a wait, and its payload is there',
    flow: flow([
      waitFor(['invoice.paid'], { id: 'paid', match: sameInvoice }),
      branch(isEqual(field('steps', 'paid.event'), 'invoice.paid'), [call('test.keyed', field('steps', 'paid.data'))]),
    ]),
    data: INV_1,
    happenings: [paidFor('inv_1')],
    status: 'completed',
    done: ['1.then.0'],
  },
  {
    name: 'an event for another key, or one that its condition refuses, does not',
    flow: flow([
      waitFor(['invoice.paid'], { match: { ...sameInvoice, where: isEqual(field('event', 'invoice.by'), 'card') } }),
      call('test.keyed'),
    ]),
    data: INV_1,
    happenings: [
      paidFor('inv_2'),
      { event: 'invoice.paid', data: { invoice: { id: 'inv_1', by: 'cash' } } },
      { event: 'invoice.paid', data: { invoice: { id: 'inv_1', by: 'card' } } },
    ],
    status: 'completed',
    done: ['1'],
  },
  {
    name: 'a wait that is over by its time runs its steps, and says so',
    flow: flow([
      waitFor(['invoice.paid'], { id: 'paid', within: SECOND, onTimeout: [call('test.lookup')] }),
      branch(isEqual(field('steps', 'paid.event'), ''), [call('test.keyed')]),
    ]),
    status: 'completed',
    done: ['0.on-timeout.0', '1.then.0'],
  },
  {
    name: 'an event that came before the wait began is not missed',
    flow: flow([emit('custom.ready', literal({ n: 1 })), call('test.keyed'), waitFor(['custom.ready']), call('test.lookup')]),
    status: 'completed',
    done: ['1', '3'],
  },
  {
    name: 'news of what a call began wakes its step, and news of something else does not',
    flow: flow([call('test.keyed'), call('test.lookup')]),
    script: goesOn(1, { events: ['invoice.failed', 'invoice.paid'], path: 'invoice.id', value: 'inv_1' }),
    happenings: [paidFor('inv_2'), { event: 'invoice.changed', data: INV_1 }, paidFor('inv_1')],
    status: 'completed',
    done: ['0', '1'],
    calls: 3,
  },
  {
    name: 'news that was recorded before a call had its answer is not missed',
    flow: flow([emit('custom.ready', literal({ n: 1 })), call('test.keyed'), call('test.lookup')]),
    script: goesOn(1, { events: ['custom.ready'], path: 'n', value: '1' }),
    status: 'completed',
    done: ['1', '2'],
    calls: 3,
  },
  {
    name: 'news that was heard wakes its step once, and the next news does so again',
    // A step looks back a minute: news of another number is that of the scenario before.
    flow: flow([emit('custom.ready', literal({ n: 2 })), call('test.keyed'), call('test.lookup')]),
    script: goesOn(50, { events: ['custom.ready', 'custom.done'], path: 'n', value: '2' }),
    happenings: [{ event: 'custom.done', data: { n: 2 }, calls: 2 }],
    status: 'waiting',
    done: [],
    calls: 3,
  },
  {
    name: 'a step that waits for news goes on by its time, too',
    flow: flow([call('test.keyed'), call('test.lookup')]),
    script: goesOn(1, { events: ['custom.never'], path: 'n', value: '1' }, 1_000),
    status: 'completed',
    done: ['0', '1'],
    calls: 3,
  },
  {
    name: 'two branches wait, each for its own event',
    flow: flow([
      parallel({
        a: [waitFor(['custom.a']), call('test.keyed')],
        b: [waitFor(['custom.b']), call('test.lookup')],
      }),
    ]),
    happenings: [
      { event: 'custom.b', data: {} },
      { event: 'custom.a', data: {} },
    ],
    status: 'completed',
    done: ['0.parallel.a.1', '0.parallel.b.1'],
  },
  {
    name: 'an event of stop-on ends the run quietly, whatever it does',
    flow: flow([call('test.keyed'), waitUntil(farAway), call('test.lookup')], {
      stopOn: [{ event: 'invoice.cancelled', match: sameInvoice }],
      onFailure: [call('test.lookup')],
    }),
    data: INV_1,
    happenings: [
      { event: 'invoice.cancelled', data: { invoice: { id: 'inv_2' } } },
      { event: 'invoice.cancelled', data: { invoice: { id: 'inv_1' } } },
    ],
    status: 'stopped',
    done: ['0'],
    reason: 'invoice.cancelled',
  },
  {
    name: 'an answer ends a question',
    flow: flow([
      ask('Refund it?', { id: 'answer' }),
      branch(isEqual(field('steps', 'answer.choice'), 'reject'), [stop('declined')], [call('test.keyed')]),
    ]),
    happenings: [{ step: '0', answer: 'reject' }],
    status: 'stopped',
    done: [],
    reason: 'declined',
  },
  {
    name: 'a question that nobody answers in time runs its steps',
    flow: flow([ask('Refund it?', { within: SECOND, onTimeout: [fail('no answer')] })]),
    status: 'failed',
    done: [],
    reason: 'no answer',
  },
];

const loops: readonly VerbScenario[] = [
  {
    name: 'a repeat goes on until its condition holds',
    flow: flow([
      set({ n: literal(0) }),
      repeat([set({ n: count('n') }), call('test.keyed', field('vars', 'n'))], { times: 5, until: isEqual(field('vars', 'n'), 2) }),
      call('test.lookup'),
    ]),
    status: 'completed',
    done: ['1.repeat.1.1', '1.repeat.2.1', '2'],
  },
  {
    name: 'a repeat whose condition never held runs its otherwise',
    flow: flow([repeat([call('test.keyed')], { times: 2, until: literal(false), otherwise: [stop('not paid')] })]),
    status: 'stopped',
    done: ['0.repeat.1.0', '0.repeat.2.0'],
    reason: 'not paid',
  },
  {
    name: 'a repeat whose condition holds from the start does nothing',
    flow: flow([repeat([call('test.keyed')], { times: 3, until: literal(true), otherwise: [call('test.lookup')] }), call('test.lookup')]),
    status: 'completed',
    done: ['1'],
  },
  {
    name: 'rounds that are apart in time',
    flow: flow([repeat([call('test.keyed')], { times: 2, every: SECOND })]),
    status: 'completed',
    done: ['0.repeat.1.0', '0.repeat.2.0'],
  },
  {
    name: 'a wait in each round of a repeat has an event of its own',
    flow: flow([repeat([waitFor(['custom.paid']), call('test.keyed')], { times: 2 })]),
    happenings: [
      { event: 'custom.paid', data: { n: 1 } },
      { event: 'custom.paid', data: { n: 2 } },
    ],
    status: 'completed',
    done: ['0.repeat.1.1', '0.repeat.2.1'],
  },
  {
    name: 'a for-each goes through its list',
    flow: flow([forEach(literal([{ n: 1 }, { n: 2 }, { n: 3 }]), [call('test.keyed', field('item', 'n'))], { atOnce: 2 })]),
    status: 'completed',
    done: ['0.for-each.0.0', '0.for-each.1.0', '0.for-each.2.0'],
  },
  {
    name: 'an element that fails keeps no other from being done, and its handler sees it',
    flow: flow([orElse(forEach(literal([1, 2, 3]), [call('test.keyed')]), [call('test.lookup', field('error', 'message'))])]),
    script: broken('test.keyed'),
    status: 'completed',
    done: ['0.for-each.1.0', '0.for-each.2.0', '0.on-failure.0'],
    calls: 4,
  },
  {
    name: 'variables add up from element to element',
    flow: flow([
      set({ n: literal(0) }),
      forEach(literal([1, 2]), [set({ n: count('n') })]),
      branch(isEqual(field('vars', 'n'), 2), [call('test.keyed')]),
    ]),
    status: 'completed',
    done: ['2.then.0'],
  },
  {
    name: 'a list of too many elements is a clear failure',
    flow: flow([forEach(literal(Array.from({ length: 10_001 }, () => 0)), [call('test.keyed')])]),
    status: 'failed',
    done: [],
    reason: '10000 are the most',
  },
];

const children: readonly VerbScenario[] = [
  {
    name: 'a flow runs another one and waits for its end',
    flow: flow([
      runFlow('other', { id: 'other', with: literal({ n: 1 }) }),
      branch(isEqual(field('steps', 'other.status'), 'completed'), [call('test.lookup')]),
    ]),
    others: [child('other', [call('test.keyed', field('inputs', 'n'))])],
    status: 'completed',
    done: ['0', '1.then.0'],
  },
  {
    name: 'a sub-flow that stops is a result',
    flow: flow([runFlow('other', { id: 'other' }), branch(isEqual(field('steps', 'other.status'), 'stopped'), [call('test.lookup')])]),
    others: [child('other', [stop('enough')])],
    status: 'completed',
    done: ['1.then.0'],
  },
  {
    name: 'a sub-flow that fails fails the step, which can be handled',
    flow: flow([orElse(runFlow('other'), [call('test.lookup')])]),
    others: [child('other', [fail('no stock')])],
    status: 'completed',
    done: ['0.on-failure.0'],
  },
  {
    name: 'a sub-flow that does not exist fails the step',
    flow: flow([runFlow('nobody')]),
    status: 'failed',
    done: [],
    reason: 'nobody',
  },
];

const undoing: readonly VerbScenario[] = [
  {
    name: 'a stop in one branch counts, also when another branch has just ended the group by its failure',
    flow: flow([orElse(parallel({ a: [fail('no')], b: [stop('enough')] }, 'stop-others'), 'continue'), call('test.keyed')]),
    status: 'stopped',
    done: [],
    reason: 'enough',
  },
  {
    name: 'a branch whose call is in doubt finds out before it ends because another one failed',
    flow: flow([parallel({ a: [call('test.lookup')], b: [call('test.keyed')] }, 'stop-others')]),
    script: (provider) => {
      provider.script('test.lookup', () => ({ kind: 'failed', reason: 'permanent', message: 'No such account' }));
      provider.script('test.keyed', () => ({ kind: 'unknown', message: 'Connection reset' }));
    },
    status: 'failed',
    done: ['0.parallel.b.0'],
    calls: 3,
    reason: 'No such account',
  },
  {
    name: 'a run that fails takes back what it did, the newest first, and then runs its on-failure',
    flow: flow(
      [
        withUndo(call('test.keyed'), [call('test.keyed')]),
        withUndo(call('test.lookup'), [call('test.lookup')]),
        call('test.read'),
        withUndo(call('test.keyed'), [call('test.keyed')]),
      ],
      { onFailure: [call('test.keyed')] },
    ),
    script: broken('test.read'),
    status: 'failed',
    done: ['0', '1', '1.undo.0', '0.undo.0', 'on-failure.0'],
    calls: 6,
    reason: 'Closed',
  },
  {
    name: 'what was declined is not taken back',
    flow: flow([
      withUndo(call('test.keyed'), [call('test.lookup')]),
      withUndo(call('test.lookup'), [call('test.lookup')]),
      fail('too late'),
    ]),
    script: (provider) => {
      const no = () => declined('insufficient-funds', 'Not enough money');
      provider.script('test.keyed', no, no, no);
    },
    status: 'failed',
    done: ['1', '1.undo.0'],
    calls: 3,
  },
  {
    name: 'what cannot be taken back is named, and the others are taken back',
    flow: flow([withUndo(call('test.keyed'), [call('test.keyed')]), withUndo(call('test.lookup'), [call('test.read')]), fail('too late')]),
    script: broken('test.read'),
    status: 'failed',
    done: ['0', '1', '0.undo.0'],
    calls: 4,
    reason: 'was not taken back: Closed',
  },
  {
    name: 'a run that is cancelled with undo takes back what it did',
    flow: flow([withUndo(call('test.keyed'), [call('test.lookup')]), waitUntil(farAway)]),
    happenings: [{ order: { kind: 'cancel', by: 'kim', undo: true, why: 'twice' } }],
    status: 'cancelled',
    done: ['0', '0.undo.0'],
    reason: 'Cancelled by kim: twice',
  },
  {
    name: 'a run that is cancelled leaves what it did',
    flow: flow([withUndo(call('test.keyed'), [call('test.lookup')]), waitUntil(farAway)], { onFailure: [call('test.lookup')] }),
    happenings: [{ order: { kind: 'cancel', by: 'kim' } }],
    status: 'cancelled',
    done: ['0'],
  },
  {
    name: 'each round of a loop is taken back',
    flow: flow([repeat([withUndo(call('test.keyed'), [call('test.lookup')])], { times: 2 }), fail('too late')]),
    status: 'failed',
    done: ['0.repeat.1.0', '0.repeat.2.0', '0.repeat.2.0.undo.0', '0.repeat.1.0.undo.0'],
  },
];

const limits: readonly VerbScenario[] = [
  {
    name: 'a step that takes too long fails, with what is in it, and can be handled',
    flow: flow([
      orElse(within(branch(literal(true), [call('test.keyed'), waitUntil(farAway)]), 500), [call('test.lookup')]),
      call('test.keyed'),
    ]),
    status: 'completed',
    done: ['0.then.0', '0.on-failure.0', '1'],
  },
  {
    name: 'a step that is done in time is not ended',
    flow: flow([within(repeat([call('test.keyed')], { times: 2 }), 60_000), call('test.lookup')]),
    status: 'completed',
    done: ['0.repeat.1.0', '0.repeat.2.0', '1'],
  },
];

export const verbScenarios: readonly VerbScenario[] = [...waits, ...loops, ...children, ...undoing, ...limits, ...orderScenarios];
