import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '../../kernel/clock.ts';
import { idOf, type Id } from '../../kernel/ids.ts';
import { CLOCK } from '../clock.ts';
import { Database } from '../database/transaction.ts';
import { SseStreams, type SseClient } from '../http/sse.ts';
import { IN_EVERY_PROCESS, RegularWork } from '../regular-work.ts';
import { NO_TENANT } from '../tenancy/no-tenant.ts';
import { KnownKeys } from './known-keys.ts';

/** The longest that a stream outlives its credential. */
const EVERY_MS = 5_000;
/** Clocks of several processes differ, and a revocation is committed a little after it is dated. */
const OVERLAP_MS = 60_000;

/**
 * Closes streams whose credential is over: a stream is checked when it opens and then lives for hours. Every five seconds, while
 * any is open, it looks at their times, at the tokens that were revoked since it looked last, and at the keys behind them.
 */
@Injectable()
export class EndStreams extends RegularWork {
  constructor(
    private readonly streams: SseStreams,
    private readonly keys: KnownKeys,
    private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    const problem = 'the credentials of open streams could not be looked at';
    super(IN_EVERY_PROCESS, { context: 'auth', everyMs: EVERY_MS, problem, level: 'warn' });
  }

  override onApplicationBootstrap(): void {
    // A key takes the tokens that were made with it along.
    this.keys.whenForgotten(() => this.wake());
    super.onApplicationBootstrap();
  }

  protected override doDue(): Promise<void> {
    return this.look();
  }

  /** Closes what one credential has open in this process. */
  of(credential: string): void {
    for (const client of this.streams.clients()) if (client.holder?.credential === credential) end(client);
  }

  /** Looks once. */
  async look(): Promise<void> {
    const held = new Map<string, SseClient[]>();
    const now = this.clock.now();
    for (const client of this.streams.clients()) {
      if (!client.holder) continue;
      const { until, credential } = client.holder;
      if (until !== null && until <= now) end(client);
      else held.set(credential, [...(held.get(credential) ?? []), client]);
    }
    if (held.size === 0) return;
    const over = [...(await this.#revokedTokens(now)), ...(await this.#endedKeys([...held.keys()], now))];
    for (const credential of over) for (const client of held.get(credential) ?? []) end(client);
  }

  async #revokedTokens(now: Date): Promise<string[]> {
    const rows = await this.database.transact(NO_TENANT, (tx) =>
      tx.query<{ id: string }>('select revoked_stream_tokens as id from revoked_stream_tokens($1)', [
        new Date(now.getTime() - EVERY_MS - OVERLAP_MS),
      ]),
    );
    return rows.map(({ id }) => idOf('stk', id));
  }

  async #endedKeys(credentials: readonly string[], now: Date): Promise<string[]> {
    const ended: string[] = [];
    for (const credential of credentials.filter(isKey)) {
      const key = await this.keys.find(credential);
      if (!key || key.revokedAt || (key.expiresAt && key.expiresAt <= now)) ended.push(credential);
    }
    return ended;
  }
}

function isKey(credential: string): credential is Id<'key'> {
  return credential.startsWith('key_');
}

function end(client: SseClient): void {
  client.end('the credential is over');
}
