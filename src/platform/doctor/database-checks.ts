/** Checks of the database: reachable, fit, right clock, right master key. It changes nothing and starts nothing. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Pool } from 'pg';
import { isKassaflowError } from '../../kernel/errors.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Config } from '../config/config.ts';
import { clockSkew, SKEW_LIMIT_MS, SKEW_WARNING_MS } from '../database/clock-skew.ts';
import type { DatabaseAddress } from '../database/database-address.ts';
import { connectAsLogin } from '../database/database-server.ts';
import { runningEmbedded } from '../database/embedded/running-embedded.ts';
import { openPool } from '../database/engine-pool.ts';
import { readServerFacts, requireFitServer, rolesMissing } from '../database/server-checks.ts';
import { requireKnownMasterKeys } from '../secrets/data-keys.ts';
import { masterKeyFile, MasterKeys } from '../secrets/master-keys.ts';
import { messageOf } from '../thrown.ts';
import { problem, type Finding } from './finding.ts';

/** Our own PostgreSQL is only asked while Kassaflow runs: the doctor does not start it. */
export async function checkDatabase(config: Config, clock: Clock): Promise<Finding[]> {
  const address = config.database ?? runningEmbedded(config.dataDirectory);
  if (!address) {
    const made = existsSync(path.join(config.dataDirectory, 'postgres'));
    return [
      { name: 'database', ok: true, found: made ? 'our own PostgreSQL, not running now' : 'our own PostgreSQL, made at the first start' },
    ];
  }
  try {
    return [...(await checkServer(config, address, clock)), await checkMasterKey(config, address)];
  } catch (error) {
    return [asProblem('database', error)];
  }
}

async function checkServer(config: Config, address: DatabaseAddress, clock: Clock): Promise<Finding[]> {
  const client = await connectAsLogin(address);
  try {
    const facts = await readServerFacts(client);
    const skew = await clockSkew(client, clock);
    const durability = Object.entries(facts.durability).map(([name, value]) => `${name}=${value}`);
    const found = [`PostgreSQL ${facts.version}`, ...durability].join(', ');
    return [
      attempt('database', found, () => {
        // Our own PostgreSQL has a superuser, reachable through its private socket only.
        if (config.database) requireFitServer(facts);
        if (config.database && !facts.prepared && !facts.mayCreateRoles) throw rolesMissing(facts, address.database);
      }),
      clockFinding(skew),
    ];
  } finally {
    await client.end();
  }
}

async function checkMasterKey(config: Config, address: DatabaseAddress): Promise<Finding> {
  const name = 'master key';
  if (!config.masterKey && !existsSync(masterKeyFile(config.dataDirectory))) return { name, ok: true, found: 'made at the first start' };
  const owner: Pool = openPool(address, 'owner', 1);
  try {
    const keys = MasterKeys.from(config);
    const { rows } = await owner.query<{ listed: string | null }>(`select to_regclass('public.tenant_data_key')::text as listed`);
    if (rows[0]?.listed) await requireKnownMasterKeys(owner, keys);
    return { name, ok: true, found: `${keys.current.id}, fits the data` };
  } catch (error) {
    return asProblem(name, error);
  } finally {
    await owner.end();
  }
}

function clockFinding(skew: number): Finding {
  const help = 'Set both clocks by a time server (NTP).';
  const found = `${Math.abs(skew)} ms from the database's`;
  return { name: 'clock', ok: Math.abs(skew) <= SKEW_LIMIT_MS, found, ...(Math.abs(skew) > SKEW_WARNING_MS ? { help } : {}) };
}

function attempt(name: string, found: string, check: () => void): Finding {
  try {
    check();
    return { name, ok: true, found };
  } catch (error) {
    return asProblem(name, error);
  }
}

function asProblem(name: string, error: unknown): Finding {
  return isKassaflowError(error) ? problem(name, error) : { name, ok: false, found: messageOf(error) };
}
