import { createHash } from 'node:crypto';
import type { Reply } from '../../plugins/sandbox/src/provider/http-server.ts';
import { StripeProblem } from './stripe-objects.ts';

const DAY = 86_400_000;

/**
 * Stripe's memory of idempotency keys: a day. What execution came to is kept and repeated, a 402 and a 500 too; a refusal before it began
 * is not.
 */
export class IdempotencyKeys {
  readonly #known = new Map<string, { readonly request: string; readonly at: number; readonly reply?: Reply }>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** The earlier answer, or nothing when this request is to be carried out. @throws StripeProblem 400 other request, 409 under way */
  begin(key: string, path: string, body: Buffer): Reply | undefined {
    const request = createHash('sha256').update(`${path}\n`).update(body).digest('hex');
    const known = this.#known.get(key);
    if (known && this.#now() - known.at < DAY) {
      if (known.request !== request) {
        throw new StripeProblem(400, {
          type: 'idempotency_error',
          message: 'Keys for idempotent requests can only be used with the same parameters they were first used with.',
        });
      }
      if (!known.reply) {
        throw new StripeProblem(409, {
          type: 'idempotency_error',
          code: 'idempotency_key_in_use',
          message: 'There is currently another in-progress request using this Idempotent Key.',
        });
      }
      return { ...known.reply, headers: { ...known.reply.headers, 'idempotent-replayed': 'true' } };
    }
    this.#known.set(key, { request, at: this.#now() });
    return undefined;
  }

  end(key: string, reply: Reply, isKept: boolean): void {
    const known = this.#known.get(key);
    if (known && isKept) this.#known.set(key, { ...known, reply });
    else this.#known.delete(key);
  }
}
