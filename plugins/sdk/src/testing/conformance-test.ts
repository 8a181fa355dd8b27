import type { Plugin } from '../plugin.ts';
import type { World } from './world.ts';

export type Group = 'manifest' | 'connection' | 'payments' | 'webhooks' | 'settlement' | 'accounting' | 'actions and triggers';

/** One test of the kit. */
export interface ConformanceTest {
  /** `M1` … `T4`. */
  readonly id: string;
  readonly group: Group;
  /** What a plugin that passes does, as a sentence. */
  readonly title: string;
  /** What the plugin must have for the test to make sense; otherwise it is left out, by this name. */
  readonly needs?: Need;
  /** Tried in live mode where the subject has one. */
  readonly live?: true;
  /** A call that is meant to take long, such as one of a child process; 5 s otherwise. */
  readonly withinMs?: number;
  /** @throws Unmet, LeftOut */
  run(world: World): Promise<void>;
}

export interface Need {
  readonly name: string;
  has(plugin: Plugin): boolean;
}

/** Makes the tests of a group. `shared` holds for all of them; a test that needs something else says so. */
export function testsIn(group: Group, shared: Pick<ConformanceTest, 'needs' | 'live'> = {}) {
  return (id: string, title: string, run: ConformanceTest['run'], needs: Need | undefined = shared.needs): ConformanceTest => ({
    id,
    group,
    title,
    run,
    ...shared,
    ...(needs && { needs }),
  });
}

const need = (name: string, has: (plugin: Plugin) => boolean): Need => ({ name, has });

export const NEEDS = {
  payments: need('payments', ({ payments }) => payments !== undefined),
  find: need('payments.find', ({ payments }) => payments?.find !== undefined),
  cancel: need('payments.cancel', ({ payments }) => payments?.cancel !== undefined),
  capture: need('payments.capture', ({ payments }) => payments?.capture !== undefined),
  refund: need('payments.refund', ({ payments }) => payments?.refund !== undefined),
  charge: need('payments.charge', ({ payments }) => payments?.charge !== undefined),
  methods: need('payments.methods', ({ payments }) => payments?.methods !== undefined),
  settlements: need('payments.settlements', ({ payments }) => payments?.settlements !== undefined),
  webhook: need('webhook', ({ webhook }) => webhook !== undefined),
  accounting: need('accounting', ({ accounting }) => accounting !== undefined),
  actions: need('actions', ({ actions }) => (actions?.length ?? 0) > 0),
  polls: need('polling trigger', ({ triggers }) => triggers?.some((trigger) => trigger.poll !== undefined) ?? false),
} as const;
