/** Making, listing and revoking API keys. */
import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '../../kernel/clock.ts';
import { defineErrors } from '../../kernel/errors.ts';
import { idOf, newUuid, uuidOf, type Id } from '../../kernel/ids.ts';
import { CLOCK } from '../clock.ts';
import { Database } from '../database/transaction.ts';
import { Audit } from '../tenancy/audit.ts';
import { newApiKeyText } from './api-key-text.ts';
import { authErrors } from './auth-errors.ts';
import type { Mode } from './caller.ts';
import { KnownKeys } from './known-keys.ts';
import { isGrantedScope, SCOPES, type GrantedScope } from './scopes.ts';

export const apiKeyErrors = defineErrors('api-key', {
  'not-found': { status: 404, title: 'There is no such API key', remedy: 'fix' },
  'already-expired': { status: 422, title: 'The key would have expired before it is made', remedy: 'fix' },
});

/** A key as anybody may see it later: everything but the key. */
export interface ApiKey {
  readonly id: Id<'key'>;
  readonly name: string;
  readonly mode: Mode;
  readonly scopes: readonly string[];
  readonly createdAt: Date;
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
  readonly lastUsedAt: Date | null;
}

export interface NewApiKey {
  readonly name: string;
  readonly scopes: readonly GrantedScope[];
  readonly expiresAt?: Date | undefined;
}

interface KeyRow {
  readonly id: string;
  readonly name: string;
  readonly mode: Mode;
  readonly scopes: string[];
  readonly created_at: Date;
  readonly expires_at: Date | null;
  readonly revoked_at: Date | null;
  readonly last_used_at: Date | null;
}

const COLUMNS = 'id, name, mode, scopes, created_at, expires_at, revoked_at, last_used_at';
// A key has the mode of its tenant: there is no way to ask for another.
const INSERT = `
insert into api_key (id, tenant_id, name, mode, secret_hash, scopes, created_at, expires_at)
select $1, id, $3, mode, $4, $5, $6, $7 from tenant where id = $2
returning ${COLUMNS}`;

@Injectable()
export class ApiKeys {
  constructor(
    private readonly database: Database,
    private readonly audit: Audit,
    private readonly known: KnownKeys,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Makes a key. `secret` is the key itself and is nowhere kept: this is the only time it is seen.
   * @throws auth.unknown-scope, api-key.already-expired
   */
  async create(tenantId: string, { name, scopes, expiresAt }: NewApiKey, actor: string): Promise<{ key: ApiKey; secret: string }> {
    const wrong = scopes.find((scope) => !isGrantedScope(scope));
    if (wrong !== undefined) throw authErrors['unknown-scope']({ found: wrong, known: ['*', ...SCOPES, 'team:<name>'].join(' ') });
    const now = this.clock.now();
    if (expiresAt && expiresAt <= now) throw apiKeyErrors['already-expired']();
    const id = newUuid();
    return this.database.transact(tenantId, async (tx) => {
      const [tenant] = await tx.query<{ mode: Mode }>('select mode from tenant where id = $1', [tenantId]);
      if (!tenant) throw apiKeyErrors['not-found']();
      const { text, hash } = newApiKeyText(tenant.mode, id);
      const [row] = await tx.query<KeyRow>(INSERT, [id, tenantId, name, hash, [...new Set(scopes)], now, expiresAt ?? null]);
      if (!row) throw apiKeyErrors['not-found']();
      await this.audit.append(tx, { actor, action: 'api-key.create', subject: `api-key/${idOf('key', id)}`, detail: { name, scopes } });
      return { key: shown(row), secret: text };
    });
  }

  /** Ends a key, and the stream tokens made with it: at once in this process, within five seconds in others. Revoking again changes nothing. @throws api-key.not-found */
  async revoke(tenantId: string, keyId: string, actor: string): Promise<ApiKey> {
    const id = uuidOf('key', keyId);
    const key = await this.database.transact(tenantId, async (tx) => {
      const update = `update api_key set revoked_at = coalesce(revoked_at, $2) where id = $1 returning ${COLUMNS}`;
      const [row] = await tx.query<KeyRow>(update, [id, this.clock.now()]);
      if (!row) throw apiKeyErrors['not-found']();
      await tx.query('update stream_token set revoked_at = $2 where api_key_id = $1 and revoked_at is null', [id, this.clock.now()]);
      await this.audit.append(tx, { actor, action: 'api-key.revoke', subject: `api-key/${keyId}` });
      return shown(row);
    });
    this.known.forget(key.id);
    return key;
  }

  /** Keys in the order in which they were made, `limit` of them after the one with the `uuid` `after`. */
  async list(tenantId: string, { limit, after }: { limit: number; after?: string | undefined }): Promise<ApiKey[]> {
    const select = `select ${COLUMNS} from api_key where ($1::uuid is null or id > $1) order by id limit $2`;
    const rows = await this.database.transact(tenantId, (tx) => tx.query<KeyRow>(select, [after ?? null, limit]));
    return rows.map(shown);
  }
}

function shown(row: KeyRow): ApiKey {
  return {
    id: idOf('key', row.id),
    name: row.name,
    mode: row.mode,
    scopes: row.scopes,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
    lastUsedAt: row.last_used_at,
  };
}
