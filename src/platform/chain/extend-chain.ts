/** Makes the next blocks of a log: see README.md. */
import { crashPoint } from '../crash-points.ts';
import type { OwnerSession } from '../housekeeping/owner-session.ts';
import { blockHash, GENESIS } from './block-hash.ts';
import type { ChainedLog } from './chained-log.ts';

/** Rows to a round; a round is one transaction. */
const MOST_ROWS = 20_000;

interface NewRows {
  readonly tenant_id: string;
  readonly rows: number;
  readonly first: string;
  readonly last: string;
  readonly leaves: Buffer;
  /** The last block so far; null when this is the first. */
  readonly n: number | null;
  readonly hash: Buffer | null;
}

/**
 * Chains what was written since the last time and is final. One process at a time: the others find the cursor locked.
 *
 * @returns how many rows; fewer than there are when more than 20,000 wait, so ask again until it is 0
 */
export async function extendChain(session: OwnerSession, log: ChainedLog): Promise<number> {
  const rows = await session.transaction(async () => {
    const [cursor] = await session.rows<{ position: string }>('select position from chain_cursor where log = $1 for update skip locked', [
      log.name,
    ]);
    if (!cursor) return 0;
    const found = await session.rows<NewRows>(newRows(log), [cursor.position, MOST_ROWS, log.name]);
    let last = BigInt(cursor.position);
    for (const rows of found) {
      const previous = rows.hash ?? GENESIS;
      await session.rows(INSERT, [
        log.name,
        rows.tenant_id,
        (rows.n ?? 0) + 1,
        rows.first,
        rows.last,
        rows.rows,
        previous,
        blockHash(previous, rows.leaves),
      ]);
      if (BigInt(rows.last) > last) last = BigInt(rows.last);
    }
    await session.rows('update chain_cursor set position = $2 where log = $1', [log.name, String(last)]);
    if (found.length > 0) crashPoint('chain.extended.before');
    return found.reduce((sum, block) => sum + block.rows, 0);
  });
  if (rows > 0) crashPoint('chain.extended.after');
  return rows;
}

const INSERT = `
insert into chain_block (log, tenant_id, n, first_position, last_position, rows, previous, hash) values ($1, $2, $3, $4, $5, $6, $7, $8)`;

/** The oldest rows that are final and in no block, by tenant. The horizon is read first: what lies below it can grow no more. */
function newRows({ rows }: ChainedLog): string {
  return `
with horizon as materialized (select event_horizon() - 1 as position), found as materialized (
  select tenant_id, position, sha256(convert_to(content::text, 'UTF8')) as leaf
  from (${rows.replaceAll('$2', '(select position from horizon)')}) as r
  order by position limit $2
)
select f.tenant_id, count(*)::int as rows, min(f.position)::text as first, max(f.position)::text as last,
  string_agg(f.leaf, ''::bytea order by f.position) as leaves, head.n, head.hash
from found f
left join lateral (select n, hash from chain_block where log = $3 and tenant_id = f.tenant_id order by n desc limit 1) head on true
group by f.tenant_id, head.n, head.hash`;
}
