import type { Context, Outcome } from '@kassaflow/plugin-sdk';
import type Stripe from 'stripe';
import { failed } from '@kassaflow/plugin-sdk';
import { aborted, outcomeOf } from './outcomes.ts';
import type { Settings } from './settings.ts';

export const HOST = 'api.stripe.com';

/** Shorter than the host's 15 s, so that the library's own message wins over an abort. */
const TIMEOUT_MS = 14_000;

/** The library costs 0.8 s to load, so it is loaded by the first call and kept. */
let library: Promise<typeof Stripe> | undefined;

export function stripeLibrary(): Promise<typeof Stripe> {
  library ??= import('stripe').then((module) => module.default);
  return library;
}

/** What a call does to the world: after a `read` that broke, nothing can have happened. */
export type Manner = 'read' | 'write';

/**
 * Runs `work` against Stripe and turns whatever it throws into an outcome.
 * Refuses a live key in a test connection and the reverse, before anything is sent.
 */
export async function callStripe<T>(
  context: Context<Settings>,
  manner: Manner,
  work: (stripe: Stripe) => Promise<Outcome<T>>,
): Promise<Outcome<T>> {
  const { secretKey } = context.settings;
  if (modeOf(secretKey) !== context.mode) {
    return failed('auth', `This is a ${context.mode} connection, and its key is for the other mode.`, { field: 'secretKey' });
  }
  const Library = await stripeLibrary();
  // Plain http to the provider's name: the agent leads to the host's gateway, which speaks TLS to Stripe.
  const stripe = new Library(secretKey, {
    host: HOST,
    protocol: 'http',
    port: 80,
    httpAgent: context.agent,
    timeout: TIMEOUT_MS,
    maxNetworkRetries: 0,
    telemetry: false,
  });
  try {
    return await Promise.race([work(stripe), aborted(context.signal)]);
  } catch (error) {
    return outcomeOf(error, manner, Library);
  }
}

export function modeOf(secretKey: string): 'test' | 'live' {
  return /^[a-z]+_live_/.test(secretKey) ? 'live' : 'test';
}
