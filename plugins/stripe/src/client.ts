import { Agent, type ClientRequest } from 'node:http';
import { failed, type Context, type Outcome } from '@kassaflow/plugin-sdk';
import type Stripe from 'stripe';
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
  const refused = modeMismatch(context);
  if (refused) return refused;
  const Library = await stripeLibrary();
  const agent = new CountingAgent(context.agent);
  // Plain http to the provider's name: the agent leads to the host's gateway, which speaks TLS to Stripe.
  const stripe = new Library(context.settings.secretKey, {
    host: HOST,
    protocol: 'http',
    port: 80,
    httpAgent: agent,
    timeout: TIMEOUT_MS,
    maxNetworkRetries: 0,
    telemetry: false,
  });
  try {
    return await Promise.race([work(stripe), aborted(context.signal)]);
  } catch (error) {
    return outcomeOf(error, manner, Library, agent.begun);
  }
}

/** A live key in a test connection, or the reverse. */
function modeMismatch({ settings, mode }: Context<Settings>): Outcome<never> | undefined {
  const { secretKey, publishableKey } = settings;
  const field =
    modeOf(secretKey) !== mode
      ? 'secretKey'
      : publishableKey !== undefined && modeOf(publishableKey) !== mode
        ? 'publishableKey'
        : undefined;
  return field && failed('auth', `This is a ${mode} connection, and its key is for the other mode.`, { field });
}

export function modeOf(key: string): 'test' | 'live' {
  return /^[a-z]+_live_/.test(key) ? 'live' : 'test';
}

/** Hands requests to the host's agent and counts them. */
class CountingAgent extends Agent {
  readonly #inner: RequestTaker;
  begun = 0;

  constructor(inner: Agent) {
    // Node asks the agent that it is given, this one, whether a connection is worth keeping; the inner one keeps it.
    super({ keepAlive: true });
    // not in the type definitions, but the contract between http.request and every agent since Node 0.x
    this.#inner = inner as unknown as RequestTaker;
  }

  addRequest(request: ClientRequest, options: object): void {
    this.begun += 1;
    this.#inner.addRequest(request, options);
  }
}

interface RequestTaker {
  addRequest(request: ClientRequest, options: object): void;
}
