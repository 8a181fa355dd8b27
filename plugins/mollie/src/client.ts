import https from 'node:https';
import { failed, type Context, type Outcome } from '@kassaflow/plugin-sdk';
import type { MollieClient } from '@mollie/api-client';
import { outcomeOf } from './outcomes.ts';
import type { Settings } from './settings.ts';
import { Wire } from './wire.ts';

export const HOST = 'api.mollie.com';

/** The library has no deadline of its own. Shorter than the host's 15 s, so that the reason is told by us. */
const TIMEOUT_MS = 14_000;

type Library = typeof import('@mollie/api-client').createMollieClient;

/** Loaded by the first call and kept. */
let loading: Promise<Library> | undefined;

/**
 * What a call does to the world. After a `read` that broke, nothing can have happened. A `refund` is a `write` of which Mollie says:
 * a 503 is not carried out (https://docs.mollie.com/reference/handling-errors).
 */
export type Manner = 'read' | 'write' | 'refund';

/** Which credentials: the profile's key, or the organisation's token, which only settlements and registrations need. */
export type Identity = 'profile' | 'organization';

/**
 * Runs `work` against Mollie and turns whatever it throws into an outcome.
 * Refuses a live key in a test connection and the reverse, before anything is sent.
 */
export async function callMollie<T>(
  context: Context<Settings>,
  manner: Manner,
  work: (mollie: MollieClient, wire: Wire) => Promise<Outcome<T>>,
  identity: Identity = 'profile',
): Promise<Outcome<T>> {
  const refused = modeMismatch(context) ?? missingToken(context, identity);
  if (refused) return refused;
  const { apiKey, organizationToken = '' } = context.settings;
  const create = await openLibrary();
  const wire = new Wire(context.agent);
  const deadline = AbortSignal.any([context.signal, AbortSignal.timeout(TIMEOUT_MS)]);
  try {
    const mollie = clientOver(wire, create, identity === 'profile' ? { apiKey } : { accessToken: organizationToken });
    return await Promise.race([work(mollie, wire), wire.broke, aborted(deadline)]);
  } catch (error) {
    return outcomeOf(error, manner, wire, identity);
  } finally {
    wire.end();
  }
}

/** A live key in a test connection, or the reverse. */
export function modeMismatch({ settings, mode }: Context<Settings>): Outcome<never> | undefined {
  if (modeOf(settings.apiKey) === mode) return undefined;
  return failed('auth', `This is a ${mode} connection, and its key is for the other mode.`, { field: 'apiKey' });
}

export function modeOf(apiKey: string): 'test' | 'live' {
  return apiKey.startsWith('live_') ? 'live' : 'test';
}

/** Not `auth`: payments go on without the token, and `auth` would pause them. */
export function missingToken({ settings }: Context<Settings>, identity: Identity): Outcome<never> | undefined {
  if (identity === 'profile' || settings.organizationToken !== undefined) return undefined;
  return failed('permanent', 'This needs an organisation token, and the connection has none.', {
    code: 'organization-token-missing',
    field: 'organizationToken',
  });
}

/**
 * The library makes an `https.Agent` of its own, with a bundle of certificates of 2021 and without keep-alive (20 ms of CPU a call), and
 * offers no option for another. So that constructor is ours for the moment in which the client is made: synchronous, nobody else runs.
 * Plain http to Mollie's name: our agent leads to the host's gateway, which speaks TLS.
 */
function clientOver(wire: Wire, create: Library, credentials: Credentials): MollieClient {
  const { Agent } = https;
  const swapped = function swapped(): Wire {
    return wire;
  };
  try {
    https.Agent = swapped as unknown as typeof Agent; // `new` gives the object that a constructor returns
    return create({ ...credentials, apiEndpoint: `http://${HOST}/v2/`, versionStrings: 'Kassaflow/0.1.0' });
  } finally {
    https.Agent = Agent;
  }
}

type Credentials = { readonly apiKey: string } | { readonly accessToken: string };

function openLibrary(): Promise<Library> {
  loading ??= import('@mollie/api-client').then(({ createMollieClient }) => createMollieClient);
  return loading;
}

/** Rejects when the signal fires: the library has no way to be told. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const stop = (): void => reject(new Error('The call was aborted'));
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}
