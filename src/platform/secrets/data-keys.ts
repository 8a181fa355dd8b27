/**
 * One data key per tenant, in the table `tenant_data_key`, wrapped by a master key.
 *
 * Rotation of the master key: start every process with both keys known (the new one as KASSAFLOW_MASTER_KEY_PREVIOUS),
 * then again with the two exchanged. That second start wraps every data key anew ({@link adoptDataKeys}); the sealed
 * blobs stay as they are, and the old key can be taken away.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { Pool } from 'pg';
import type { Database } from '../database/transaction.ts';
import { keyIdOf, open, seal, type Key } from './aead.ts';
import type { MasterKeys } from './master-keys.ts';
import { secretsErrors } from './secrets-errors.ts';

/** Data keys kept in memory; 1,000 tenants are 100 kB. */
const KEPT = 1_000;

/** Finds data keys and makes them. */
export class DataKeys {
  readonly #database: Database;
  readonly #masterKeys: MasterKeys;
  readonly #kept = new Map<string, Key>();

  constructor(database: Database, masterKeys: MasterKeys) {
    this.#database = database;
    this.#masterKeys = masterKeys;
  }

  /** The key of a tenant, made at the first use. @throws secrets.key-mismatch, secrets.unreadable */
  async of(tenantId: string): Promise<Key> {
    const kept = this.#kept.get(tenantId);
    if (kept) return kept;
    const wrapped = await this.#database.transact(tenantId, async (tx) => {
      const found = await tx.query<WrappedKey>('select wrapped_key from tenant_data_key where tenant_id = $1', [tenantId]);
      if (found[0]) return found[0].wrapped_key;
      const { current } = this.#masterKeys;
      // Another process may be as far; the row that is there in the end is the key for both.
      await tx.query('insert into tenant_data_key (tenant_id, master_key_id, wrapped_key) values ($1, $2, $3) on conflict do nothing', [
        tenantId,
        current.id,
        seal(current, placeOf(tenantId), randomBytes(32)),
      ]);
      const rows = await tx.query<WrappedKey>('select wrapped_key from tenant_data_key where tenant_id = $1', [tenantId]);
      return rows[0]?.wrapped_key ?? Buffer.alloc(0);
    });
    const key = dataKey(unwrap(this.#masterKeys, tenantId, wrapped));
    if (this.#kept.size >= KEPT) this.#kept.clear();
    this.#kept.set(tenantId, key);
    return key;
  }
}

/**
 * Checks that every data key of the database is wrapped by a master key we have.
 * `owner` works as the owner role, which sees all tenants.
 * @throws secrets.key-mismatch
 */
export async function requireKnownMasterKeys(owner: Pick<Pool, 'query'>, masterKeys: MasterKeys): Promise<void> {
  const { rows } = await owner.query<{ master_key_id: string }>('select distinct master_key_id from tenant_data_key');
  const lost = rows.find(({ master_key_id: id }) => !masterKeys.find(id));
  if (lost) throw secretsErrors['key-mismatch']({ needed: lost.master_key_id, given: masterKeys.current.id });
}

/**
 * At the start: {@link requireKnownMasterKeys}, then wraps the data keys of the previous master key anew.
 * Returns how many were wrapped anew.
 * @throws secrets.key-mismatch; nothing is changed then
 */
export async function adoptDataKeys(owner: Pick<Pool, 'query'>, masterKeys: MasterKeys): Promise<number> {
  await requireKnownMasterKeys(owner, masterKeys);
  const { current } = masterKeys;
  const { rows } = await owner.query<WrappedKey & { tenant_id: string }>(
    'select tenant_id, wrapped_key from tenant_data_key where master_key_id <> $1',
    [current.id],
  );
  for (const { tenant_id: tenantId, wrapped_key: wrapped } of rows) {
    const anew = seal(current, placeOf(tenantId), unwrap(masterKeys, tenantId, wrapped));
    await owner.query('update tenant_data_key set master_key_id = $2, wrapped_key = $3 where tenant_id = $1 and wrapped_key = $4', [
      tenantId,
      current.id,
      anew,
      wrapped,
    ]);
  }
  return rows.length;
}

interface WrappedKey {
  readonly wrapped_key: Buffer;
}

function unwrap(masterKeys: MasterKeys, tenantId: string, wrapped: Buffer): Buffer {
  const id = keyIdOf(wrapped);
  const master = id === undefined ? undefined : masterKeys.find(id);
  if (id !== undefined && !master) throw secretsErrors['key-mismatch']({ needed: id, given: masterKeys.current.id });
  const bytes = master && open(master, placeOf(tenantId), wrapped);
  if (!bytes) throw secretsErrors.unreadable({ place: 'tenant_data_key' });
  return bytes;
}

function dataKey(bytes: Buffer): Key {
  return { bytes, id: createHash('sha256').update('kassaflow data key id').update(bytes).digest('hex').slice(0, 16) };
}

function placeOf(tenantId: string): readonly string[] {
  return ['tenant_data_key', tenantId];
}
