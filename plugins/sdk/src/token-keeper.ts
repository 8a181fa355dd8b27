import { createHash } from 'node:crypto';
import type { Context } from './context.ts';
import type { Outcome } from './outcome.ts';

/** What an OAuth 2.0 server gives for a connection's credentials (RFC 6749 §4.4). */
export interface AccessToken {
  readonly value: string;
  /** Epoch milliseconds; some time before its end, because clocks differ and a call must not outlive it. */
  readonly goodUntil: number;
}

/** Connections whose tokens are kept; the oldest goes first. */
const MOST_KEPT = 500;

/**
 * Keeps the access tokens of connections, for a provider that blocks who asks for one per call. Make one for each process: the only
 * state that a plugin should have.
 */
export class TokenKeeper<T extends AccessToken> {
  readonly #kept = new Map<string, { readonly asked: Promise<Outcome<T>>; token?: T }>();

  /**
   * The connection's token: the kept one, or a new one that calls made meanwhile wait for too.
   *
   * @param credentials those that `ask` uses: a connection whose secret is changed gets another token
   * @param stale the value of a token that the provider has just refused
   */
  async tokenFor(context: Context, credentials: readonly string[], ask: () => Promise<Outcome<T>>, stale?: string): Promise<Outcome<T>> {
    const key = keyOf(context, credentials);
    const known = this.#kept.get(key);
    if (known && (!known.token || (known.token.value !== stale && known.token.goodUntil > context.now().getTime()))) return known.asked;
    const entry: { asked: Promise<Outcome<T>>; token?: T } = { asked: ask() };
    if (this.#kept.size >= MOST_KEPT) this.#kept.delete(this.#kept.keys().next().value ?? '');
    this.#kept.set(key, entry);
    const answer = await entry.asked;
    if (answer.kind === 'ok') entry.token = answer.value;
    else if (this.#kept.get(key) === entry) this.#kept.delete(key);
    return answer;
  }
}

/** Hashed, so that no secret lies about as the key of a map. */
function keyOf({ connection, mode }: Context, credentials: readonly string[]): string {
  return createHash('sha256')
    .update([connection.id, mode, ...credentials].join('\n'))
    .digest('base64');
}
