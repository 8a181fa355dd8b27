/**
 * Which request of Softpay's belongs to which key of ours, in this process.
 *
 * Softpay takes no idempotency key. It gives out request ids, each of which can be used for one payment, and an id that is never used comes to
 * nothing. So a call under one key must use one id. The contract has no place to keep the id between asking for it and using
 * it, so it is kept here; a repeat that does not find it (another process, a restart) sends nothing and says that nobody knows.
 */
import { createHash } from 'node:crypto';
import { unknown, type Context, type Outcome } from '@kassaflow/plugin-sdk';
import type { Settings } from './settings.ts';

export interface Request {
  readonly requestId: string;
  /** Epoch milliseconds. */
  readonly expiresAt: number;
}

/** For how long a key is kept; told to the core, which repeats no call after four fifths of it. */
export const KEPT_MS = 10 * 60_000;
const MOST_KEPT = 5_000;

interface Entry {
  readonly at: number;
  asked: Promise<Outcome<Request>> | undefined;
}

const kept = new Map<string, Entry>();

/**
 * The request of this call's key: the known one, or a new one by `ask`. Calls at the same time get the same. Where `ask` came to nothing it
 * is asked again by the next attempt: an id that nobody has cannot have been used.
 */
export async function requestFor(context: Context<Settings>, ask: () => Promise<Outcome<Request>>): Promise<Outcome<Request>> {
  const key = createHash('sha256')
    .update(`${context.connection.id}\n${context.settings.merchant}\n${context.idempotencyKey}`)
    .digest('base64');
  const at = context.now().getTime();
  for (const [old, { at: since }] of kept) {
    if (at - since <= 2 * KEPT_MS && kept.size < MOST_KEPT) break;
    kept.delete(old);
  }
  const known = kept.get(key);
  if (!known && context.attempt > 1)
    return unknown('An earlier attempt may be running on the phone, and its request is not known here any more.');
  const entry: Entry = known ?? { at, asked: undefined };
  kept.set(key, entry);
  entry.asked ??= ask();
  const asked = entry.asked;
  const answer = await asked;
  if (answer.kind !== 'ok' && entry.asked === asked) entry.asked = undefined;
  return answer;
}
