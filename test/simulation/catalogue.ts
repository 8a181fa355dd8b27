/** The flows of the simulation: every verb, every effect class, every way a failure is handled; small, so that a schedule is soon over. */
import type { CompiledFlow, CompiledStep, Expression, RetryPolicy, Scope } from '../../src/flows/language/compiled-flow.ts';
import {
  ask,
  branch,
  call,
  choose,
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
  type StepDraft,
} from '../../src/runs/conformance/flow-builder.ts';
import { field, forInvoice, invoice, MINUTE, soon } from './flow-parts.ts';

const SECOND = { count: 1, unit: 'second' } as const;
const is = (expression: Expression, wanted: unknown): Expression =>
  computed([...expression.reads], (scope) => expression.evaluate(scope) === wanted);
const PATIENT: RetryPolicy = { kind: 'backoff', times: 4, firstMs: 1_000, factor: 2, longestMs: 60_000 };
const send = (action: string, more: Partial<Extract<CompiledStep, { verb: 'do' }>> = {}): StepDraft =>
  call(
    `sim.${action}`,
    computed(['event'], ({ event }) => event),
    { retry: PATIENT, ...more },
  );
const byInvoice = (ifRunning: 'skip' | 'queue' | 'replace'): Pick<CompiledFlow, 'onePer'> => ({ onePer: { key: invoice, ifRunning } });
const paid = (more: Parameters<typeof waitFor>[1] = {}): StepDraft => waitFor(['sim.paid'], { match: forInvoice, ...more });
const withNow = computed(['now', 'invoice'], ({ now, invoice: current }) => ({ now, current }));

const SHAPES: Readonly<Record<string, CompiledFlow>> = {
  'three-calls': flow([send('keyed'), send('lookup'), send('once')]),
  'short-key': flow([send('short'), send('keyed')]),
  'by-person': flow([send('once', { onUnknown: 'ask' }), send('keyed')]),
  'sent-again': flow([send('again', { onUnknown: 'resend' }), send('read')]),
  declined: flow([
    send('keyed', { id: 'charge' }),
    branch(is(field('steps', 'charge.status'), 'declined'), [send('once')], [send('lookup')]),
  ]),
  chosen: flow([set({ n: invoice }), choose([{ if: is(field('vars', 'n'), 'a'), then: [send('keyed')] }, { then: [send('once')] }])]),
  reads: flow([call('sim.keyed', withNow), send('lookup', { condition: computed(['now'], () => true) })]),
  handled: flow([orElse(send('keyed', { retry: { kind: 'never' } }), [send('once')]), orElse(send('lookup'), 'continue'), send('keyed')]),
  'on-failure': flow([send('keyed'), send('once'), fail('no stock')], { onFailure: [send('lookup'), send('keyed')] }),
  undone: flow(
    [
      withUndo(send('keyed'), [send('keyed')]),
      withUndo(send('lookup'), [send('once')]),
      send('once'),
      withUndo(send('keyed'), [send('lookup')]),
      waitUntil(soon),
      fail('too late'),
    ],
    { onFailure: [send('keyed')] },
  ),
  'undone-in-loop': flow([repeat([withUndo(send('keyed'), [send('once')])], { times: 2 }), paid(), send('lookup')]),
  sleeps: flow([waitUntil(soon), send('keyed'), waitUntil(soon), send('once')]),
  waits: flow([paid({ id: 'paid' }), send('keyed'), branch(is(field('steps', 'paid.event'), ''), [send('lookup')])]),
  'waits-twice': flow([paid(), paid(), send('keyed')]),
  'waits-in-time': flow([paid({ within: MINUTE, onTimeout: [send('once')] }), send('keyed')]),
  'stops-on': flow([send('keyed'), waitUntil(soon), send('once'), paid(), send('lookup')], {
    stopOn: [{ event: 'sim.cancelled', match: forInvoice }],
    onFailure: [send('once')],
  }),
  asks: flow([
    ask('Refund it?', { id: 'answer' }),
    branch(is(field('steps', 'answer.choice'), 'reject'), [stop('declined')], [send('keyed')]),
  ]),
  'asks-in-time': flow([ask('Refund it?', { within: MINUTE, onTimeout: [send('once')] }), send('keyed')]),
  repeats: flow([
    set({ n: literal(0) }),
    repeat([send('keyed'), set({ n: computed(['vars'], ({ vars }) => Number((vars as Scope)['n']) + 1) })], {
      times: 3,
      until: is(field('vars', 'n'), 2),
      otherwise: [send('once')],
    }),
  ]),
  'repeats-in-time': flow([repeat([send('once')], { times: 2, every: SECOND }), send('keyed')]),
  'for-each': flow([forEach(literal([1, 2, 3]), [call('sim.keyed', field('item', ''), {}), send('once')], { atOnce: 2 }), send('lookup')]),
  parallel: flow([parallel({ a: [send('keyed'), send('once')], b: [waitUntil(soon), send('lookup')], c: [paid(), send('keyed')] })]),
  'stop-others': flow([
    parallel(
      {
        a: [send('keyed', { retry: { kind: 'never' } }), fail('closed')],
        b: [paid(), send('once')],
        c: [send('lookup'), waitUntil(soon), send('once')],
      },
      'stop-others',
    ),
  ]),
  'runs-another': flow([runFlow('child', { id: 'other' }), send('once')]),
  'runs-two': flow([
    parallel({ a: [orElse(runFlow('child'), [send('keyed')])], b: [runFlow('child', { and: 'continue' }), runFlow('nobody')] }),
  ]),
  emits: flow([
    emit(
      'sim.paid',
      computed(['event'], ({ event }) => event),
    ),
    send('keyed'),
    waitFor(['sim.paid'], { match: forInvoice }),
    send('once'),
  ]),
  'one-after-the-other': flow([send('keyed'), waitUntil(soon), send('once')], byInvoice('queue')),
  'only-one': flow([send('keyed'), paid({ within: MINUTE }), send('once')], byInvoice('skip')),
  'the-newest': flow([withUndo(send('keyed'), [send('once')]), waitUntil(soon), send('lookup')], byInvoice('replace')),
  'queued-waits': flow([paid({ within: MINUTE }), send('once')], byInvoice('queue')),
  'in-time': flow([orElse(within(branch(literal(true), [send('keyed'), paid(), send('once')]), 60_000), [send('once')]), send('lookup')]),
  'all-in-time': flow([send('keyed'), paid(), send('once')], { timeoutMs: 60_000, onFailure: [send('lookup')] }),
};

const CHILDREN: Readonly<Record<string, CompiledFlow>> = {
  child: flow([send('keyed'), waitUntil(soon), send('once')]),
};

const named = (shapes: Readonly<Record<string, CompiledFlow>>): readonly CompiledFlow[] =>
  Object.entries(shapes).map(([name, shape]) => ({ ...shape, name }));

/** Flows that an order starts. */
export const FLOWS: readonly CompiledFlow[] = named(SHAPES);
/** Flows that others run. */
export const SUB_FLOWS: ReadonlyMap<string, CompiledFlow> = new Map(named(CHILDREN).map((child) => [child.name, child]));
