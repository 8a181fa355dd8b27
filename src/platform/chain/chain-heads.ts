/**
 * The heads of all chains outside of the database: `chain-heads.jsonl` in the data folder, one signed line each time. The file is
 * worth as much as the place that it is copied to.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify, type KeyObject } from 'node:crypto';
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { OwnerSession } from '../housekeeping/owner-session.ts';
import { codeOf } from '../thrown.ts';

/** The last block of a chain when it was signed. */
export interface SignedHead {
  readonly log: string;
  readonly tenantId: string;
  readonly n: number;
  /** Hexadecimal. */
  readonly hash: string;
}

/** What the file says. */
export interface KnownHeads {
  readonly heads: readonly SignedHead[];
  /** Numbers of the lines whose signature is not by our key. */
  readonly forged: readonly number[];
}

interface Line {
  /** The text that is signed. */
  readonly signed: string;
  /** Ed25519, base64. */
  readonly signature: string;
}

const HEADS_FILE = 'chain-heads.jsonl';
const KEY_FILE = 'chain.key';

/** Signs where every chain stands and appends it. Nothing is written while no chain has a block. @returns how many chains */
export async function keepHeads(session: OwnerSession, directory: string, at: Date): Promise<number> {
  const heads = await session.rows<SignedHead>(HEADS);
  if (heads.length === 0) return 0;
  const signed = JSON.stringify({ at: at.toISOString(), heads });
  const signature = sign(null, Buffer.from(signed), await privateKey(directory)).toString('base64');
  await appendFile(path.join(directory, HEADS_FILE), `${JSON.stringify({ signed, signature } satisfies Line)}\n`, { mode: 0o600 });
  return heads.length;
}

/** Reads the file; none is as good as an empty one. */
export async function readHeads(directory: string): Promise<KnownHeads> {
  const text = await readIfThere(path.join(directory, HEADS_FILE));
  if (text === undefined) return { heads: [], forged: [] };
  const key = createPublicKey(await privateKey(directory));
  const heads: SignedHead[] = [];
  const forged: number[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (line === '') continue;
    const found = headsOf(line, key);
    if (found) heads.push(...found);
    else forged.push(index + 1);
  }
  return { heads, forged };
}

const HEADS = `
select distinct on (log, tenant_id) log, tenant_id as "tenantId", n, encode(hash, 'hex') as hash
from chain_block order by log, tenant_id, n desc`;

function headsOf(line: string, key: KeyObject): readonly SignedHead[] | undefined {
  try {
    const { signed, signature } = JSON.parse(line) as Line; // anything else throws below or has no valid signature
    if (!verify(null, Buffer.from(signed), key, Buffer.from(signature, 'base64'))) return undefined;
    return (JSON.parse(signed) as { heads: readonly SignedHead[] }).heads; // we have signed nothing else
  } catch {
    return undefined;
  }
}

/** Made when it is first needed. */
async function privateKey(directory: string): Promise<KeyObject> {
  const file = path.join(directory, KEY_FILE);
  const known = await readIfThere(file);
  if (known !== undefined) return createPrivateKey(known);
  const { privateKey: made } = generateKeyPairSync('ed25519');
  await writeFile(file, made.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600, flag: 'wx' }).catch((error: unknown) => {
    // Another process was faster: its key counts.
    if (codeOf(error) !== 'EEXIST') throw error;
  });
  return createPrivateKey(await readFile(file, 'utf8'));
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
