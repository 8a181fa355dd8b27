/** Secrets at rest: sealed before they are stored, opened when they are used. */
import { createHmac } from 'node:crypto';
import type { Database } from '../database/transaction.ts';
import { open, seal } from './aead.ts';
import { DataKeys } from './data-keys.ts';
import type { MasterKeys } from './master-keys.ts';
import { Secret } from './secret.ts';
import { secretsErrors } from './secrets-errors.ts';

/** Where a sealed value is stored. It opens there and nowhere else. */
export interface SealedPlace {
  readonly table: string;
  /** The primary key of the row. */
  readonly row: string;
  readonly field: string;
}

/**
 * Envelope encryption: a data key per tenant seals, a master key outside the database wraps the data keys.
 * A stolen backup is worth nothing without the master key. Injected by this class as the token.
 */
export abstract class Sealer {
  /** Encrypts `plaintext` for one place. Opens a transaction of its own: call it before yours. */
  abstract seal(tenantId: string, place: SealedPlace, plaintext: string): Promise<Buffer>;
  /**
   * Decrypts what {@link seal} made for the same place.
   * @throws secrets.unreadable when it was altered or moved, secrets.key-mismatch under another master key
   */
  abstract open(tenantId: string, place: SealedPlace, sealed: Buffer): Promise<Secret>;
  /** A key for hashing values of `tenantId` that must be compared and not read; another one for each `purpose`. */
  abstract hashingKey(tenantId: string, purpose: string): Promise<Buffer>;
}

/** {@link Sealer} over the table of data keys. */
export class EnvelopeSealer extends Sealer {
  readonly #dataKeys: DataKeys;

  constructor(database: Database, masterKeys: MasterKeys) {
    super();
    this.#dataKeys = new DataKeys(database, masterKeys);
  }

  override async seal(tenantId: string, place: SealedPlace, plaintext: string): Promise<Buffer> {
    return seal(await this.#dataKeys.of(tenantId), partsOf(tenantId, place), Buffer.from(plaintext));
  }

  override async open(tenantId: string, place: SealedPlace, sealed: Buffer): Promise<Secret> {
    const bytes = open(await this.#dataKeys.of(tenantId), partsOf(tenantId, place), sealed);
    if (!bytes) throw secretsErrors.unreadable({ place: `${place.table}.${place.field}`, row: place.row });
    return new Secret(bytes.toString());
  }

  override async hashingKey(tenantId: string, purpose: string): Promise<Buffer> {
    const { bytes } = await this.#dataKeys.of(tenantId);
    return createHmac('sha256', bytes).update(`kassaflow hashing key\0${purpose}`).digest();
  }
}

function partsOf(tenantId: string, { table, row, field }: SealedPlace): readonly string[] {
  return [tenantId, table, row, field];
}
