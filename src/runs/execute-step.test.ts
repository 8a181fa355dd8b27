import { expect, test } from '@jest/globals';
import { call } from './conformance/flow-builder.ts';
import { manifest, Provider } from './conformance/provider.ts';
import { executeStep, type StepHost } from './execute-step.ts';
import type { StepEntry } from './journal-entry.ts';
import type { StepRequest } from './run-context.ts';
import { DEFAULT_RUN_SETTINGS } from './run-settings.ts';
import { applyEntry, newStepState } from './step-state.ts';

const HOUR_MS = 3_600_000;
const drafted = call('test.keyed')('0');
const request: StepRequest = {
  path: '0',
  action: 'test.keyed',
  via: undefined,
  input: {},
  retry: 'retry' in drafted ? drafted.retry : { kind: 'never' },
  onUnknown: 'ask',
  timeoutMs: undefined,
};

test.each([
  ['after an attempt in doubt, is not sent: the provider may have forgotten the key', true, 0],
  ['is sent when no attempt was made before it', false, 1],
])('an intent that took an hour to get on disk %s', async (_, inDoubt, calls) => {
  const provider = new Provider([manifest('test.keyed', 'keyed', { keyTtlMs: HOUR_MS })]);
  const recorded: StepEntry[] = [];
  const state = newStepState();
  let now = 0;
  let rests: () => void = () => undefined;
  const resting = new Promise<void>((resolve) => (rests = resolve));
  const host: StepHost = {
    facts: { id: 'r', tenantId: 't', flowId: 'f', revision: 1 },
    settings: DEFAULT_RUN_SETTINGS,
    door: provider,
    gate: undefined,
    flowName: 'test-flow',
    now: () => now,
    random: () => 0.5,
    compare: () => undefined,
    record(its, entry) {
      applyEntry(its, entry);
      recorded.push(entry);
    },
    async commit() {
      now += HOUR_MS;
    },
    mayLeave: () => true,
    onDisk: async () => undefined,
    listen: () => new Promise(() => undefined),
    rest() {
      rests();
      return new Promise(() => undefined);
    },
  };
  if (inDoubt) host.record(state, { kind: 'intent', step: '0', at: 0, action: 'test.keyed', group: 1, attempt: 1, input: {} });
  await Promise.race([resting, executeStep(host, request, state, () => undefined)]);
  expect(provider.calls).toHaveLength(calls);
  expect(state.attention).toBe(inDoubt ? 'unknown-outcome' : undefined);
});
