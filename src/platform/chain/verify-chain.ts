/** Recomputes the chains of a log and says where they do not fit: see README.md. */
import type { OwnerSession } from '../housekeeping/owner-session.ts';
import { blockHash, GENESIS } from './block-hash.ts';
import type { SignedHead } from './chain-heads.ts';
import type { ChainedLog } from './chained-log.ts';

/** One place at which the evidence does not fit. */
export interface ChainProblem {
  readonly log: string;
  readonly tenantId: string;
  /** Number of the block; 0 when it is about the log as a whole. */
  readonly block: number;
  /** One sentence. */
  readonly problem: string;
}

export interface ChainReport {
  readonly log: string;
  readonly blocks: number;
  readonly rows: number;
  readonly problems: readonly ChainProblem[];
}

interface Block {
  readonly tenant_id: string;
  readonly n: number;
  readonly first: string;
  readonly last: string;
  readonly rows: number;
  readonly previous: Buffer;
  readonly hash: Buffer;
}

/** Where a chain stands while it is walked. */
interface Walk {
  readonly hashes: Buffer[];
  last: string;
}

/** @param heads what was signed and kept outside of the database, in any order */
export async function verifyChain(session: OwnerSession, log: ChainedLog, heads: readonly SignedHead[]): Promise<ChainReport> {
  const problems: ChainProblem[] = [];
  const walks = new Map<string, Walk>();
  let rows = 0;
  const blocks = await session.rows<Block>(BLOCKS, [log.name]);
  for (const block of blocks) {
    const walk = walks.get(block.tenant_id) ?? { hashes: [], last: '0' };
    walks.set(block.tenant_id, walk);
    const problem = await problemOf(session, log, block, walk);
    if (problem !== undefined) problems.push({ log: log.name, tenantId: block.tenant_id, block: block.n, problem });
    rows += block.rows;
    walk.hashes.push(block.hash);
    walk.last = block.last;
  }
  const withoutBlock = await session.rows<{ tenant_id: string; rows: number }>(outsideBlocks(log), [0, log.name]);
  for (const { tenant_id: tenantId, rows: extra } of withoutBlock)
    problems.push({ log: log.name, tenantId, block: 0, problem: `${extra} rows were added behind the chain` });
  for (const head of heads) {
    const problem = head.log === log.name ? problemOfHead(head, walks.get(head.tenantId)) : undefined;
    if (problem !== undefined) problems.push({ log: log.name, tenantId: head.tenantId, block: head.n, problem });
  }
  return { log: log.name, blocks: blocks.length, rows, problems };
}

const BLOCKS = `
select tenant_id, n, first_position::text as first, last_position::text as last, rows, previous, hash
from chain_block where log = $1 order by tenant_id, n`;

async function problemOf(session: OwnerSession, log: ChainedLog, block: Block, { hashes, last }: Walk): Promise<string | undefined> {
  if (block.n !== hashes.length + 1) return `block ${hashes.length + 1} is missing`;
  if (!block.previous.equals(hashes.at(-1) ?? GENESIS)) return 'it does not name the block before it';
  if (BigInt(block.first) <= BigInt(last)) return 'it begins before the block before it ends';
  const [found] = await session.rows<{ rows: number; leaves: Buffer | null }>(leavesOf(log), [
    String(BigInt(block.first) - 1n),
    block.last,
    block.tenant_id,
  ]);
  if (found?.rows !== block.rows) return `it has ${block.rows} rows, and ${found?.rows ?? 0} are there`;
  return blockHash(block.previous, found.leaves ?? Buffer.alloc(0)).equals(block.hash) ? undefined : 'one of its rows was changed';
}

function leavesOf({ rows }: ChainedLog): string {
  return `
select count(*)::int as rows, string_agg(sha256(convert_to(content::text, 'UTF8')), ''::bytea order by position) as leaves
from (${rows}) as r where tenant_id = $3`;
}

/** Rows below the cursor that no block covers. */
function outsideBlocks({ rows }: ChainedLog): string {
  return `
select r.tenant_id, count(*)::int as rows
from (${rows.replaceAll('$2', '(select position from chain_cursor where log = $2)')}) as r
where not exists (
  select from chain_block b where b.log = $2 and b.tenant_id = r.tenant_id and r.position between b.first_position and b.last_position)
group by r.tenant_id`;
}

function problemOfHead({ n, hash }: SignedHead, walk: Walk | undefined): string | undefined {
  const found = walk?.hashes[n - 1];
  if (!found) return 'it was signed, and is not there any more';
  return found.toString('hex') === hash ? undefined : 'it was signed with another hash: the chain was rebuilt';
}
