/** What the flows of the simulation, written and generated, are made of besides their steps. */
import type { Expression, Scope } from '../../src/flows/language/compiled-flow.ts';
import { computed } from '../../src/runs/conformance/flow-builder.ts';

export const MINUTE = { count: 1, unit: 'minute' } as const;

/** The value at `path` under a root name; `undefined` when there is none. */
export const field = (root: string, path: string): Expression =>
  computed([root], (scope) => path.split('.').reduce<unknown>((value, name) => (value as Scope | undefined)?.[name], scope[root]));

/** Every event of the simulation is about an invoice. */
export const invoice = field('event', 'invoice');
export const forInvoice = { key: { path: 'invoice', value: invoice } };

/** Five seconds from now. */
export const soon = computed(['now'], ({ now }) => new Date(new Date(String(now)).getTime() + 5_000).toISOString());
