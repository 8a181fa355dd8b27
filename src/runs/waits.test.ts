import { expect, test } from '@jest/globals';
import { newStepState } from './step-state.ts';
import type { Signal } from './signals.ts';
import { Waits, type WaitingRun } from './waits.ts';

const run: WaitingRun = {
  facts: { id: 'r', tenantId: 't', flowId: 'f', revision: 1 },
  now: () => 0,
  append: () => undefined,
  record: () => undefined,
  touched: () => undefined,
};
const ended: Signal = { id: '1', step: '5', kind: 'child', run: 'c', status: 'completed', message: '' };

test('news for a step at which a run was set aside is not taken: it is still there when a person lets the run go on', () => {
  const waits = new Waits(run);
  void waits.rest('5', newStepState(), undefined);
  waits.deliver(ended);
  expect(waits.take().signalsTaken).toEqual([]);
});

test('news for a step that waits for it is taken with what the step makes of it', () => {
  const waits = new Waits(run);
  const told: Signal[] = [];
  void waits.rest('5', newStepState(), undefined, (signal) => {
    told.push(signal);
    return undefined;
  });
  waits.deliver(ended);
  expect([told, waits.take().signalsTaken]).toEqual([[ended], ['1']]);
});
