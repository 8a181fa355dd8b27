/**
 * Stream tokens: credentials for browsers, `kfs_test_…`, short-lived and good for a list of things.
 *
 * | state   | what is true                                             | leaves by                                        |
 * |---------|----------------------------------------------------------|--------------------------------------------------|
 * | good    | opens streams of what it is about                         | its time is over; a person or its API key ends it |
 * | expired | opens nothing; what it had opened is closed within 5 s    | –                                                |
 * | revoked | the same                                                  | –                                                |
 *
 * The portal's server makes one for the page that it serves (`POST /v1/stream-tokens`), so no API key ever reaches a browser. A
 * checkout session's client token is one of them, with the purpose `checkout`: its browser may also choose and pay in that session.
 * A token is revoked with the API key that made it, except that of a checkout, whose payer is in the middle of paying.
 */
import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '../../kernel/clock.ts';
import { defineErrors } from '../../kernel/errors.ts';
import { idOf, newUuid, uuidOf, type Id } from '../../kernel/ids.ts';
import { CLOCK } from '../clock.ts';
import { Database, type Transaction } from '../database/transaction.ts';
import { Audit } from '../tenancy/audit.ts';
import { NO_TENANT } from '../tenancy/no-tenant.ts';
import { authErrors } from './auth-errors.ts';
import type { Mode } from './caller.ts';
import { EndStreams } from './end-streams.ts';
import type { Follower } from './follower.ts';
import { newSecretText, readSecretText, sameHash } from './secret-text.ts';

export const streamTokenErrors = defineErrors('stream-token', {
  'not-found': { status: 404, title: 'There is no such stream token', remedy: 'fix' },
});

/** What a token may be used for. */
export type StreamTokenPurpose = 'follow' | 'checkout';

/** A token as anybody may see it later: everything but the secret. */
export interface StreamToken {
  readonly id: Id<'stk'>;
  readonly purpose: StreamTokenPurpose;
  readonly mode: Mode;
  /** `payment/pay_…`, or `payment/*` for all of a kind. */
  readonly about: readonly string[];
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly revokedAt: Date | null;
}

/** A token that was shown and is good. */
export interface OpenedToken extends StreamToken {
  readonly tenantId: string;
}

export interface NewStreamToken {
  readonly purpose: StreamTokenPurpose;
  /** 1 to 100. */
  readonly about: readonly string[];
  readonly lifeMs: number;
  /** The `uuid` of the API key that it ends with. */
  readonly keyId?: string;
}

interface TokenRow {
  readonly id: string;
  readonly tenant_id: string;
  readonly purpose: StreamTokenPurpose;
  readonly mode: Mode;
  readonly secret_hash: Uint8Array;
  readonly about: string[];
  readonly created_at: Date;
  readonly expires_at: Date;
  readonly revoked_at: Date | null;
}

const KIND = { start: 'kfs', prefix: 'stk' } as const;
/** How a stream token begins, so that it is never taken for an API key. */
const START = `${KIND.start}_`;
const COLUMNS = 'id, tenant_id, purpose, mode, secret_hash, about, created_at, expires_at, revoked_at';
// A token has the mode of its tenant, as its keys have.
const INSERT = `
insert into stream_token (id, tenant_id, mode, secret_hash, purpose, about, api_key_id, created_at, expires_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9) returning ${COLUMNS}`;

@Injectable()
export class StreamTokens {
  constructor(
    private readonly database: Database,
    private readonly audit: Audit,
    private readonly endStreams: EndStreams,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Makes a token. `secret` is the token itself and is nowhere kept: this is the only time it is seen. */
  issue(tenantId: string, wanted: NewStreamToken): Promise<{ readonly token: StreamToken; readonly secret: string }> {
    return this.database.transact(tenantId, (tx) => this.issueIn(tx, wanted));
  }

  /** As {@link issue}, in a transaction of the tenant that is under way. */
  async issueIn(
    tx: Transaction,
    { purpose, about, lifeMs, keyId }: NewStreamToken,
  ): Promise<{ readonly token: StreamToken; readonly secret: string }> {
    const now = this.clock.now();
    const id = newUuid();
    const [tenant] = await tx.query<{ mode: Mode }>('select mode from tenant where id = $1', [tx.tenantId]);
    if (!tenant) throw streamTokenErrors['not-found']();
    const { text, hash } = newSecretText(KIND, tenant.mode, id);
    const until = new Date(now.getTime() + lifeMs);
    const [row] = await tx.query<TokenRow>(INSERT, [
      id,
      tx.tenantId,
      tenant.mode,
      hash,
      purpose,
      [...new Set(about)],
      keyId ?? null,
      now,
      until,
    ]);
    if (!row) throw streamTokenErrors['not-found']();
    return { token: shown(row), secret: text };
  }

  /** @throws auth.stream-token-unknown, auth.stream-token-over */
  async open(text: string): Promise<OpenedToken> {
    const token = await this.#read(text);
    if (!token) throw authErrors['stream-token-unknown']();
    if (!this.#isGood(token)) throw authErrors['stream-token-over']({ token: token.id });
    return token;
  }

  /** The token with this text when it is good. */
  async find(text: string): Promise<OpenedToken | undefined> {
    const token = await this.#read(text);
    return token && this.#isGood(token) ? token : undefined;
  }

  /** Ends a token and the streams that it has opened: at once in this process, within five seconds in others. @throws stream-token.not-found */
  async revoke(tenantId: string, tokenId: string, actor: string): Promise<StreamToken> {
    const id = uuidOf('stk', tokenId);
    const token = await this.database.transact(tenantId, async (tx) => {
      const update = `update stream_token set revoked_at = coalesce(revoked_at, $2) where id = $1 returning ${COLUMNS}`;
      const [row] = await tx.query<TokenRow>(update, [id, this.clock.now()]);
      if (!row) throw streamTokenErrors['not-found']();
      await this.audit.append(tx, { actor, action: 'stream-token.revoke', subject: `stream-token/${tokenId}` });
      return shown(row);
    });
    this.endStreams.of(token.id);
    return token;
  }

  /** The newest first, `limit` of them after the one with the `uuid` `after`. */
  async list(tenantId: string, { limit, after }: { readonly limit: number; readonly after?: string | undefined }): Promise<StreamToken[]> {
    const select = `select ${COLUMNS} from stream_token where ($1::uuid is null or id < $1) order by id desc limit $2`;
    const rows = await this.database.transact(tenantId, (tx) => tx.query<TokenRow>(select, [after ?? null, limit]));
    return rows.map(shown);
  }

  async #read(text: string): Promise<OpenedToken | undefined> {
    const sent = readSecretText(KIND, text);
    if (!sent) return undefined;
    const [row] = await this.database.transact(NO_TENANT, (tx) =>
      tx.query<TokenRow>(`select ${COLUMNS} from find_stream_token($1)`, [uuidOf('stk', sent.id)]),
    );
    // The hash is compared before anything is said about the row: only who holds the secret learns that it was revoked.
    if (!row || row.mode !== sent.mode || !sameHash(row.secret_hash, sent.hash)) return undefined;
    return { ...shown(row), tenantId: row.tenant_id };
  }

  #isGood({ revokedAt, expiresAt }: StreamToken): boolean {
    return revokedAt === null && expiresAt > this.clock.now();
  }
}

/** The stream token in an Authorization header, good or not; `undefined` when there is none. */
export function streamTokenIn(authorization: string | undefined): string | undefined {
  const text = /^Bearer ([\x21-\x7e]+)$/i.exec(authorization ?? '')?.[1];
  return text?.startsWith(START) ? text : undefined;
}

/** The holder of a token that is good. */
export function followerByToken({ id, tenantId, mode, about, expiresAt }: OpenedToken): Follower {
  return { tenantId, mode, credential: id, about, until: expiresAt };
}

function shown(row: TokenRow): StreamToken {
  return {
    id: idOf('stk', row.id),
    purpose: row.purpose,
    mode: row.mode,
    about: row.about,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
  };
}
