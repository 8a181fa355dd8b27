import { Injectable } from '@nestjs/common';
import type { Transaction } from '../../platform/database/transaction.ts';
import { Database } from '../../platform/database/transaction.ts';
import { Sealer } from '../../platform/secrets/sealer.ts';
import { endpointErrors } from './outgoing-errors.ts';

/** A sealed secret of an endpoint and, while it is being changed, the one before it. */
export interface SealedSecrets {
  readonly secret: Buffer;
  readonly old_secret: Buffer | null;
  readonly old_secret_until: Date | null;
}

type Field = 'secret' | 'old_secret';

/** The secrets with which messages are signed: sealed where they are stored, and shown once. */
@Injectable()
export class EndpointSecrets {
  constructor(
    private readonly database: Database,
    private readonly sealer: Sealer,
  ) {}

  /** Seals a secret for one endpoint. Opens a transaction of its own. */
  seal(tenantId: string, endpointId: string, field: Field, secret: string): Promise<Buffer> {
    return this.sealer.seal(tenantId, place(endpointId, field), secret);
  }

  /** What signs at `now`: the secret, and the one before it as long as that is good. @throws webhook-endpoint.unknown */
  async signing(tenantId: string, endpointId: string, now: Date): Promise<string[]> {
    const sealed = await this.database.transact(tenantId, (tx) => sealedOf(tx, endpointId));
    if (!sealed) throw endpointErrors.unknown();
    const current = await this.#open(tenantId, endpointId, 'secret', sealed.secret);
    const isOldGood = sealed.old_secret !== null && sealed.old_secret_until !== null && sealed.old_secret_until > now;
    return isOldGood && sealed.old_secret ? [current, await this.#open(tenantId, endpointId, 'old_secret', sealed.old_secret)] : [current];
  }

  async #open(tenantId: string, endpointId: string, field: Field, sealed: Buffer): Promise<string> {
    return (await this.sealer.open(tenantId, place(endpointId, field), sealed)).reveal();
  }
}

async function sealedOf(tx: Transaction, endpointId: string): Promise<SealedSecrets | undefined> {
  const [row] = await tx.query<SealedSecrets>(
    `select secret, old_secret, old_secret_until from webhook_endpoint where id = $1 and state <> 'deleted'`,
    [endpointId],
  );
  return row;
}

function place(endpointId: string, field: Field) {
  return { table: 'webhook_endpoint', row: endpointId, field };
}
