/** The rows of `idempotency_record`; each method is one transaction and one transition of the table in `idempotency.ts`. */
import { Injectable } from '@nestjs/common';
import { Database } from '../database/transaction.ts';
import { LEASE_MS } from '../lease.ts';
import type { OperationName } from './idempotency.ts';

/** An answer as it is kept: the JSON text that was sent, and the headers that belong to it. */
export interface StoredAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The right to run the handler. `attempt` fences its ending. */
export interface Claim {
  readonly kind: 'claimed';
  readonly operation: OperationName;
  readonly attempt: number;
}

/** What became of the wish to run an operation. */
export type ClaimResult =
  Claim | { readonly kind: 'running' } | { readonly kind: 'reused' } | { readonly kind: 'answered'; readonly answer: StoredAnswer };

interface RecordRow {
  readonly attempt: number;
  readonly mine: boolean;
  readonly same_request: boolean;
  readonly status: number | null;
  readonly headers: Record<string, string> | null;
  readonly body: Buffer | null;
}

// One statement decides: insert, or take over a stuck row of the same request, or leave it; the second half reads the row as
// it was before, which is seen only when nothing was written.
const CLAIM = `
with claimed as (
  insert into idempotency_record as r (tenant_id, api_key_id, route, key, request_hash)
  values ($1, $2, $3, $4, $5)
  on conflict (api_key_id, route, key) do update set attempt = r.attempt + 1, alive_at = clock_timestamp()
    where r.status is null and r.request_hash = excluded.request_hash
      and r.alive_at < clock_timestamp() - $6 * interval '1 millisecond'
  returning attempt
)
select attempt, true as mine, true as same_request, null::smallint as status, null::jsonb as headers, null::bytea as body from claimed
union all
select attempt, false, request_hash = $5, status, headers, body from idempotency_record
where api_key_id = $2 and route = $3 and key = $4 and not exists (select from claimed)`;

const OF_CLAIM = 'api_key_id = $1 and route = $2 and key = $3 and attempt = $4 and status is null';

@Injectable()
export class IdempotencyRecords {
  constructor(private readonly database: Database) {}

  /** Records that the operation runs, unless it runs already, was answered, or the key named another request. */
  async claim(operation: OperationName, requestHash: Uint8Array): Promise<ClaimResult> {
    const { tenantId, keyId, route, key } = operation;
    const values = [tenantId, keyId, route, key, requestHash, LEASE_MS];
    const [row] = await this.database.transact(tenantId, (tx) => tx.query<RecordRow>(CLAIM, values));
    // No row: the first runner wrote or deleted its row between the two halves of the statement.
    if (!row) return { kind: 'running' };
    if (row.mine) return { kind: 'claimed', operation, attempt: row.attempt };
    if (!row.same_request) return { kind: 'reused' };
    if (row.status === null) return { kind: 'running' };
    return { kind: 'answered', answer: { status: row.status, headers: row.headers ?? {}, body: row.body?.toString('utf8') ?? '' } };
  }

  /** Says that the handler still runs. */
  renew(claim: Claim): Promise<void> {
    return this.#update(claim, `update idempotency_record set alive_at = clock_timestamp() where ${OF_CLAIM}`);
  }

  /** Keeps the answer for repeats. */
  answer(claim: Claim, answer: StoredAnswer): Promise<void> {
    return this.#update(claim, `update idempotency_record set status = $5, headers = $6::jsonb, body = $7 where ${OF_CLAIM}`, [
      answer.status,
      JSON.stringify(answer.headers),
      Buffer.from(answer.body, 'utf8'),
    ]);
  }

  /** Frees the key: the request was refused and did nothing. */
  forget(claim: Claim): Promise<void> {
    return this.#update(claim, `delete from idempotency_record where ${OF_CLAIM}`);
  }

  /** Lets the next repeat run it again: nobody knows how far it came. */
  release(claim: Claim): Promise<void> {
    return this.#update(claim, `update idempotency_record set alive_at = '-infinity' where ${OF_CLAIM}`);
  }

  async #update({ operation, attempt }: Claim, statement: string, values: readonly unknown[] = []): Promise<void> {
    const { tenantId, keyId, route, key } = operation;
    await this.database.transact(tenantId, (tx) => tx.query(statement, [keyId, route, key, attempt, ...values]));
  }
}
