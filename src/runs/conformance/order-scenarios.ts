/** What every backend must do alike when a person wants something of a run. */
import { failed, unknown } from '@kassaflow/plugin-sdk';
import { branch, call, flow, literal, set, waitFor, waitUntil, withUndo } from './flow-builder.ts';
import { broken, farAway, field, isEqual, type VerbScenario } from './verb-scenario.ts';

export const orderScenarios: readonly VerbScenario[] = [
  {
    name: 'a wait that a person ends goes on at once',
    flow: flow([waitUntil(farAway), call('test.keyed')]),
    happenings: [{ order: { kind: 'resume', by: 'kim' } }],
    status: 'completed',
    done: ['1'],
  },
  {
    name: 'a wait for an event that a person ends with data goes on as if it had come',
    flow: flow([waitFor(['invoice.paid'], { id: 'paid' }), call('test.keyed', field('steps', 'paid.data'))]),
    happenings: [{ order: { kind: 'resume', by: 'kim', data: { n: 1 } } }],
    status: 'completed',
    done: ['1'],
  },
  {
    name: 'a step that a person skips gives what the person says',
    flow: flow([
      call('test.once', literal({}), { id: 'sent' }),
      branch(isEqual(field('steps', 'sent.outcome'), 'skipped'), [call('test.keyed', field('steps', 'sent'))]),
    ]),
    script: (provider) => provider.script('test.once', () => unknown('Connection reset')),
    happenings: [{ order: { kind: 'skip', by: 'kim', why: 'done by hand', output: { reference: 'x' } } }],
    status: 'completed',
    done: ['1.then.0'],
    calls: 2,
  },
  {
    name: 'a step that failed and is skipped lets the run go on',
    flow: flow([call('test.keyed'), call('test.lookup')]),
    script: broken('test.keyed'),
    happenings: [{ order: { kind: 'skip', by: 'kim' } }],
    status: 'completed',
    done: ['1'],
    calls: 2,
  },
  {
    name: 'a step that failed and gets another input is done with that one, under a new key',
    flow: flow([call('test.keyed', literal({ to: 'wrong' })), call('test.lookup')]),
    script: broken('test.keyed'),
    happenings: [{ order: { kind: 'edit', by: 'kim', input: { to: 'right' } } }],
    status: 'completed',
    done: ['0', '1'],
    calls: 3,
  },
  {
    name: 'a retry does again what was taken back',
    flow: flow([withUndo(call('test.keyed'), [call('test.lookup')]), call('test.read'), call('test.keyed')]),
    script: broken('test.read'),
    happenings: [{ order: { kind: 'retry', by: 'kim' } }],
    status: 'completed',
    done: ['0', '0.undo.0', '1', '2'],
    // The first step twice, under two keys.
    calls: 6,
  },
  {
    name: 'a step that is done again may come to something else: what was done after it stays done',
    flow: flow([
      withUndo(call('test.keyed', literal({}), { id: 'first' }), [call('test.lookup')]),
      set({ reference: field('steps', 'first.reference') }),
      call('test.lookup', field('vars', 'reference')),
      call('test.read'),
      call('test.keyed', field('vars', 'reference')),
    ]),
    script: broken('test.read'),
    happenings: [{ order: { kind: 'retry', by: 'kim' } }],
    status: 'completed',
    done: ['0', '0.undo.0', '2', '3', '4'],
    calls: 7,
  },
  {
    name: 'a step that is done again and fails keeps the run from what came after it, which stays done',
    flow: flow([withUndo(call('test.keyed'), [call('test.lookup')]), call('test.lookup'), call('test.read')]),
    script: (provider) => {
      let first: string | undefined;
      const onlyOnce = (sent: Parameters<typeof provider.happen>[0]) => {
        first ??= sent.idempotencyKey;
        return sent.idempotencyKey === first ? provider.happen(sent) : failed('permanent', 'Not again');
      };
      provider.script('test.read', () => failed('permanent', 'Closed'));
      provider.script('test.keyed', onlyOnce, onlyOnce, onlyOnce);
    },
    happenings: [{ order: { kind: 'retry', by: 'kim' } }],
    status: 'failed',
    done: ['0', '0.undo.0', '1'],
    calls: 5,
    reason: 'Not again',
  },
];
