/** Replaces a part of a plugin that passes the kit by a wrong one. */
import { randomUUID } from 'node:crypto';
import type { Context, Outcome, PaymentFacts, Plugin } from '@kassaflow/plugin-sdk';
import type { Subject } from '@kassaflow/plugin-sdk/testing';

export type Change = (plugin: Plugin) => Partial<Plugin>;
export type Row = readonly [what: string, of: Subject, change: Change, fails: readonly string[], why: RegExp];

type Payments = NonNullable<Plugin['payments']>;
type Webhook = NonNullable<Plugin['webhook']>;
type Accounting = NonNullable<Plugin['accounting']>;
type Action = NonNullable<Plugin['actions']>[number];
type Trigger = NonNullable<Plugin['triggers']>[number];

/** The plugin with some methods of a part replaced; what is not there cannot be. */
export const payments =
  (change: (was: Required<Payments>) => Partial<Payments>): Change =>
  ({ payments: was }) => ({ payments: { ...was, ...change(was as Required<Payments>) } as Payments });
export const webhook =
  (change: (was: Webhook) => Partial<Webhook>): Change =>
  ({ webhook: was }) => ({ webhook: { ...was, ...change(was as Webhook) } as Webhook });
export const accounting =
  (change: (was: Accounting) => Partial<Accounting>): Change =>
  ({ accounting: was }) => ({ accounting: { ...was, ...change(was as Accounting) } as Accounting });
export const check =
  (change: (was: Plugin['connection']['check']) => Plugin['connection']['check']): Change =>
  ({ connection }) => ({ connection: { ...connection, check: change((context) => connection.check(context)) } });
export const everyAction =
  (change: (was: Action) => Partial<Action>): Change =>
  ({ actions }) => ({ actions: (actions ?? []).map((was) => ({ ...was, ...change(was) })) });
export const everyTrigger =
  (change: (was: Trigger) => Partial<Trigger>): Change =>
  ({ triggers }) => ({ triggers: (triggers ?? []).map((was) => ({ ...was, ...change(was) })) });
export const factsOf =
  (change: (facts: PaymentFacts) => Partial<PaymentFacts>): Change =>
  (plugin) =>
    payments((was) => ({
      fetch: async (context, request) => mapped(await was.fetch(context, request), (facts) => ({ ...facts, ...change(facts) })),
    }))(plugin);

export async function mappedLater<T>(outcome: Promise<Outcome<T>>, change: (value: T) => T): Promise<Outcome<T>> {
  return mapped(await outcome, change);
}

export function mapped<T>(outcome: Outcome<T>, change: (value: T) => T): Outcome<T> {
  return outcome.kind === 'ok' ? { ...outcome, value: change(outcome.value) } : outcome;
}

export const otherKey = (context: Context): Context => ({ ...context, idempotencyKey: randomUUID() });

export function withSetting({ connection }: Plugin, field: object): Partial<Plugin> {
  const { settings } = connection;
  return { connection: { ...connection, settings: { ...settings, properties: { ...settings.properties, odd: field as never } } } };
}

export function fall(): never {
  throw new Error('It fell');
}
