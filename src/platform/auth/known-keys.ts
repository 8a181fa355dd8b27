/**
 * The rows behind API keys, remembered for five seconds so that a request costs no query.
 *
 * Five seconds is also the longest that a key revoked by another process still opens this one; `forget` makes it
 * immediate here. Unknown ids are remembered too, so that guessing does not become a load on the database.
 */
import { Inject, Injectable, Logger } from '@nestjs/common';
import type { Clock } from '../../kernel/clock.ts';
import { uuidOf, type Id } from '../../kernel/ids.ts';
import { CLOCK } from '../clock.ts';
import { Database } from '../database/transaction.ts';
import { NO_TENANT } from '../tenancy/no-tenant.ts';
import type { Mode } from './caller.ts';
import { isGrantedScope, type GrantedScope } from './scopes.ts';
import { sameHash } from './secret-text.ts';

/** What the database knows of one key. */
export interface KnownKey {
  /** A `uuid`. */
  readonly id: string;
  readonly tenantId: string;
  readonly mode: Mode;
  readonly hash: Uint8Array;
  readonly scopes: readonly GrantedScope[];
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
}

interface KeyRow {
  readonly id: string;
  readonly tenant_id: string;
  readonly mode: Mode;
  readonly secret_hash: Uint8Array;
  readonly scopes: string[];
  readonly expires_at: Date | null;
  readonly revoked_at: Date | null;
  readonly last_used_at: Date | null;
}

interface Remembered {
  readonly key: Promise<KnownKey | undefined>;
  /** The same, once it is there. */
  loaded?: KnownKey | undefined;
  readonly until: number;
}

const REMEMBERED_MS = 5_000;
const MOST_REMEMBERED = 10_000;
/** `last_used_at` tells an operator which key is dead; a minute is precise enough for that. */
const USED_EVERY_MS = 60_000;

const FIND = 'select id, tenant_id, mode, secret_hash, scopes, expires_at, revoked_at, last_used_at from find_api_key($1)';
const TOUCH = 'update api_key set last_used_at = $2 where id = $1';

@Injectable()
export class KnownKeys {
  readonly #remembered = new Map<Id<'key'>, Remembered>();
  readonly #onForget: (() => void)[] = [];
  readonly #log = new Logger('auth');

  constructor(
    private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** The key with this wire id, as of at most five seconds ago. Simultaneous calls share one query. */
  find(id: Id<'key'>): Promise<KnownKey | undefined> {
    const now = this.clock.elapsed();
    const found = this.#remembered.get(id);
    if (found && found.until > now) return found.key;
    const entry: Remembered = { key: this.#load(id), until: now + REMEMBERED_MS };
    this.#remember(id, entry);
    entry.key.then(
      (key) => (entry.loaded = key),
      // A failed query must not be remembered: the next request asks again.
      () => this.#remembered.delete(id),
    );
    return entry.key;
  }

  /** Tells, without asking the database, whether `hash` is that of a key remembered here, perhaps a little too long ago. */
  isGood(id: Id<'key'>, hash: Uint8Array): boolean {
    const key = this.#remembered.get(id)?.loaded;
    return key !== undefined && key.revokedAt === null && sameHash(key.hash, hash);
  }

  /** Drops what is remembered of a key that was just changed. */
  forget(id: Id<'key'>): void {
    this.#remembered.delete(id);
    for (const tell of this.#onForget) tell();
  }

  /** `tell` is called whenever a key was changed in this process. */
  whenForgotten(tell: () => void): void {
    this.#onForget.push(tell);
  }

  #remember(id: Id<'key'>, entry: Remembered): void {
    this.#remembered.delete(id);
    this.#remembered.set(id, entry);
    if (this.#remembered.size <= MOST_REMEMBERED) return;
    const [oldest] = this.#remembered.keys();
    if (oldest !== undefined) this.#remembered.delete(oldest);
  }

  async #load(id: Id<'key'>): Promise<KnownKey | undefined> {
    const [row] = await this.database.transact(NO_TENANT, (tx) => tx.query<KeyRow>(FIND, [uuidOf('key', id)]));
    if (!row) return undefined;
    this.#noteUse(row);
    return {
      id: row.id,
      tenantId: row.tenant_id,
      mode: row.mode,
      hash: row.secret_hash,
      scopes: row.scopes.filter(isGrantedScope),
      expiresAt: row.expires_at,
      revokedAt: row.revoked_at,
    };
  }

  /** Keeps `last_used_at` within a minute, beside the request: nobody waits for it, and a lost one is written next time. */
  #noteUse({ id, tenant_id: tenantId, last_used_at: lastUsedAt, revoked_at: revokedAt }: KeyRow): void {
    const now = this.clock.now();
    if (revokedAt !== null || (lastUsedAt !== null && now.getTime() - lastUsedAt.getTime() < USED_EVERY_MS)) return;
    this.database
      .transact(tenantId, (tx) => tx.query(TOUCH, [id, now]))
      .catch((error: unknown) => {
        this.#log.warn({ msg: 'the time of last use of an API key was not written', err: error });
      });
  }
}
