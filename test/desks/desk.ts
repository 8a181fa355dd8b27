/**
 * A payment provider as everybody but us sees it: what customers, banks and people in the dashboard do there, what it tells us by webhook,
 * and what it says the money is. Behind each desk stands the wire-level server of `test/providers`. Stories and histories are written once
 * and told at every desk; what a provider has not, its desk says in words, so that nothing is left out silently.
 */
import type { Context, CreatePayment, Plugin } from '@kassaflow/plugin-sdk';
import type { FaultScript } from '../../plugins/sandbox/src/provider/fault-script.ts';
import { pluginContext } from '../providers/plugin-context.ts';

/** What others than us do to a payment. */
export const ACTS = [
  /** The customer agrees. Where the money is only held until we take it, it is held. */
  'approve',
  /** The customer agrees, and the money is under way for days. */
  'approve-slowly',
  'arrive',
  'bounce',
  /** The bank says no. */
  'decline',
  /** The customer says no, or turns back. */
  'abandon',
  'expire',
  /** Held money is not taken in time, and is the customer's again. */
  'lapse',
  'refund-at-desk',
  'finish-refund',
  /** A refund fails, also after it was done. */
  'fail-refund',
  'dispute',
  'win-dispute',
  'lose-dispute',
  /** A bank takes back without a dispute what had come: a returned debit. */
  'take-back',
] as const;
export type Act = (typeof ACTS)[number];

/** Carries an act out on a payment, by the provider's id. `number`: an amount in minor units, or which of the refunds, the oldest being 0. */
export type Does = (payment: string, number: number) => void | Promise<void>;

/** A delivery that has left the provider and reached nobody yet. */
export interface Posted {
  readonly body: string;
  /** Of an attempt to deliver it now: some providers sign each attempt anew. */
  headers(): Readonly<Record<string, string>>;
}

/** One payment by the provider's own books. Amounts in minor units. */
export interface Account {
  /** How far it has come. `taken`: nothing more can be; `captured` says how much was. */
  readonly stage: 'open' | 'under-way' | 'held' | 'taken' | 'failed' | 'cancelled' | 'expired';
  readonly captured: number;
  /** Oldest first. */
  readonly refunds: readonly { readonly amount: number; readonly state: 'pending' | 'done' | 'failed' }[];
  /** What bank or scheme has of it now. */
  readonly chargedBack: number;
  /** The provider's fee as far as it tells it with the payment; 0 where only its settlements do. */
  readonly fee: number;
  /** How much of what is held could be taken now. */
  readonly capturable: number;
  /** How much could go back in one piece now. */
  readonly refundable: number;
  /** How much a new dispute could be over now. */
  readonly disputable: number;
  /** What an open dispute is over. */
  readonly disputed: number;
  /** How much a bank could take back now without a dispute. */
  readonly returnable: number;
  /** The bank will say no when the money is taken. */
  readonly isDoomed: boolean;
}

/** Where one payment's money is, in minor units. */
export interface Truth {
  readonly captured: number;
  readonly refunded: number;
  readonly chargedBack: number;
}

/** Some providers settle nothing in test mode. */
export type Mode = 'test' | 'live';

/** The days of a settlement, as `2026-11-30`, both included. */
export interface SettledDays {
  readonly from: string;
  readonly to: string;
}

/** How payments go at a provider, as far as it makes a difference to what happens to their money. */
export interface Manners {
  /** Whether an approved payment waits for us to take the money. */
  readonly holds: 'always' | 'when-asked' | 'never';
  /** Whether a hold is taken bit by bit, what is not taken at first goes back, or it is taken as a whole. */
  readonly capture: 'in-parts' | 'once' | 'whole';
  /** What a refusal by the bank leaves: the customer may try again, or it is over; or the bank is asked only when we take the money. */
  readonly declined: 'open' | 'failed' | 'when-taken';
  /** What a customer who turns back leaves, where it is told. */
  readonly abandoned: 'cancelled' | 'failed';
  /** How a new refund stands, of money that came at once and of money that was under way; and how long one that is pending takes. */
  readonly refund: 'done' | 'pending';
  readonly slowRefund: 'done' | 'pending';
  readonly refundTakesMs: number;
  /** Whether a part can go back, or only the whole. */
  readonly refunds: 'in-parts' | 'whole';
  /** How long to wait before a second refund of one amount is not taken for a mistake. */
  readonly refundPauseMs: number;
  /** Where chargebacks are told: with the payment, or in settlements alone. */
  readonly chargebacks: 'with-payment' | 'in-settlements';
  /** What it tells nobody: only asking finds it. */
  readonly silent: readonly Act[];
}

export interface Desk {
  readonly plugin: Plugin;
  readonly mode: Mode;
  readonly url: string;
  readonly faults: FaultScript;
  /** What the fault script calls the requests that change something about a payment. */
  readonly writes: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly currency: string;
  /** What a new payment here needs besides the usual. */
  readonly order: Partial<CreatePayment>;
  readonly manners: Manners;
  /** Each act, or why this provider has none such. */
  readonly acts: Readonly<Record<Act, Does | string>>;
  now(): number;
  advance(ms: number): Promise<void>;
  /** The provider's ids of all payments that carry our reference. */
  made(reference: string): readonly string[];
  account(payment: string): Account;
  /** Closes the books over all that has happened, keeps fees, and lets so much time pass that it can be read; or why it cannot. */
  readonly settle: ((since: number) => Promise<SettledDays>) | string;
  /** Makes the provider post to this address. Gives the settings that belong to it, or why there is nothing to listen to. */
  listen(url: string): Readonly<Record<string, unknown>> | string;
  /** What it has posted since this was last asked. */
  posted(): Promise<readonly Posted[]>;
  /** What somebody without the secret would send about a payment to have it taken for paid. */
  forged(payment: string): Posted | string;
  close(): Promise<void>;
}

/** A plugin's context that leads to the desk and goes by its clock. */
export function contextOf(
  desk: Desk,
  more: { readonly key?: string; readonly attempt?: number; readonly settings?: object } = {},
): Context<never> {
  const context = pluginContext<unknown>({
    server: desk.url,
    mode: desk.mode,
    now: () => new Date(desk.now()),
    settings: { ...desk.settings, ...more.settings },
    idempotencyKey: more.key ?? '',
    attempt: more.attempt ?? 1,
  });
  // Tokens are kept by connection, and each desk has its own. The settings are those of whatever plugin stands here.
  return { ...context, connection: { id: desk.url, name: 'desk' } } as unknown as Context<never>;
}

/** @throws for an act that this desk has not */
export function actOf(desk: Desk, act: Act): Does {
  const does = desk.acts[act];
  if (typeof does === 'string') throw new Error(`${desk.plugin.id} has no "${act}": ${does}`);
  return does;
}

export function truthOf({ captured, refunds, chargedBack }: Account): Truth {
  return { captured, refunded: sumOf(refunds.filter(({ state }) => state === 'done')), chargedBack };
}

/** What is neither sent back, on its way back, nor taken back. */
export function leftOf({ captured, refunds, chargedBack }: Pick<Account, 'captured' | 'refunds' | 'chargedBack'>): number {
  return Math.max(0, captured - sumOf(refunds.filter(({ state }) => state !== 'failed')) - chargedBack);
}

export function sumOf(parts: readonly { readonly amount: number }[]): number {
  return parts.reduce((sum, { amount }) => sum + amount, 0);
}

export function can(desk: Desk, act: Act): boolean {
  return typeof desk.acts[act] !== 'string';
}
