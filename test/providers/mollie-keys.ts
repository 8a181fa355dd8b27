import { createHash } from 'node:crypto';
import type { Reply } from '../../plugins/sandbox/src/provider/http-server.ts';
import { MollieProblem } from './mollie-objects.ts';

const HOUR = 3_600_000;

/** Mollie's memory of idempotency keys: an hour, then the same key is a new request. Refusals are not remembered. */
export class IdempotencyKeys {
  readonly #known = new Map<string, { readonly request: string; readonly at: number; readonly reply?: Reply }>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** The earlier answer, or nothing when this request is to be carried out. @throws MollieProblem 400 other request, 409 under way */
  begin(key: string, path: string, body: Buffer): Reply | undefined {
    const request = createHash('sha256').update(`${path}\n`).update(body).digest('hex');
    const known = this.#known.get(key);
    if (known && this.#now() - known.at < HOUR) {
      if (known.request !== request) throw new MollieProblem(400, 'The idempotency key was used with other parameters or another endpoint');
      if (!known.reply) throw new MollieProblem(409, 'A request with this idempotency key is still being processed');
      return { ...known.reply, headers: { ...known.reply.headers, 'idempotent-replayed': 'true' } };
    }
    this.#known.set(key, { request, at: this.#now() });
    return undefined;
  }

  end(key: string, reply: Reply): void {
    const known = this.#known.get(key);
    if (known && reply.status < 300) this.#known.set(key, { ...known, reply });
    else this.#known.delete(key);
  }
}
