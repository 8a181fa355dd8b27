/** Taking runs into memory: those whose timer or command came, and those of leases whose time is over. */
import { Logger } from '@nestjs/common';
import type pg from 'pg';
import type { FlowCatalogue } from '../../flows/flow-catalogue.ts';
import type { JournalEntry } from '../journal-entry.ts';
import { LiveRun, type RunHost } from '../live-run.ts';
import type { RunFacts, RunStatus } from '../run.ts';
import type { Lane } from './lane.ts';
import { ADOPT_RUNS, FORGET_LEASES } from './queries/adopt-runs.ts';
import { CLAIM_RUNS } from './queries/claim-runs.ts';
import { LOAD_JOURNALS, LOAD_RUNS } from './queries/load-runs.ts';
import { OWN_RUNS } from './queries/own-runs.ts';
import { LOWER_WATER, TAKE_LEASE } from './queries/take-lease.ts';

interface RunRow {
  readonly id: string;
  readonly tenant_id: string;
  readonly flow_id: string;
  readonly revision: number;
  readonly inputs: Readonly<Record<string, unknown>> | null;
  readonly one_per: string | null;
  readonly event_id: string | null;
  readonly event_type: string | null;
  readonly event_occurred_at: Date | null;
  readonly event_data: Readonly<Record<string, unknown>> | null;
}

interface JournalRow {
  readonly run_id: string;
  readonly seq: number;
  readonly entries: readonly JournalEntry[];
}

const LOAD_MOST = 200;

export class Resume {
  readonly #log = new Logger('runs');

  constructor(
    private readonly catalogue: FlowCatalogue,
    private readonly hostOf: (lane: Lane) => RunHost,
  ) {}

  /**
   * Takes those of `ids` that nobody has in memory and that are in one of `statuses`, and loads them. They are not begun.
   * What is not returned belongs to somebody else, or is not in such a status.
   */
  async claim(lane: Lane, ids: readonly string[], statuses: readonly RunStatus[]): Promise<readonly LiveRun[]> {
    const oldest = ids.reduce((a, b) => (a < b ? a : b));
    const claimed = await lane.between(async (client, epoch, flush) => {
      const { rows } = await client.query<{ id: string }>(CLAIM_RUNS, [epoch, flush, ids, oldest, statuses]);
      lane.claimed(rows.map(({ id }) => id));
      return rows.map(({ id }) => id);
    });
    return this.#load(lane, claimed);
  }

  /** Takes over one lease whose time is over, with its runs. @returns false when there is none */
  async adopt(lane: Lane): Promise<boolean> {
    const adopted = await lane.between((client, epoch) => inTransaction(client, () => takeOver(client, epoch, lane)));
    if (!adopted) return false;
    if (adopted.length > 0) this.#log.log(`Took over ${adopted.length} runs of a process that stopped`);
    await this.#begin(lane, adopted);
    return true;
  }

  /** Loads what this lane owns without knowing, after the answer to a claim was lost. */
  async findOwn(lane: Lane): Promise<void> {
    const own = await lane.between(async (client, epoch) => {
      const { rows } = await client.query<{ id: string }>(OWN_RUNS, [epoch]);
      const lost = rows.map(({ id }) => id).filter((id) => !lane.has(id));
      lane.claimed(lost);
      return lost;
    });
    await this.#begin(lane, own);
  }

  async #begin(lane: Lane, ids: readonly string[]): Promise<void> {
    for (let at = 0; at < ids.length; at += LOAD_MOST) {
      for (const run of await this.#load(lane, ids.slice(at, at + LOAD_MOST))) lane.keep(run);
    }
  }

  async #load(lane: Lane, ids: readonly string[]): Promise<LiveRun[]> {
    if (ids.length === 0) return [];
    const [runs, journals] = await lane.between(async (client, epoch) => [
      (await client.query<RunRow>(LOAD_RUNS, [epoch, ids])).rows,
      Map.groupBy((await client.query<JournalRow>(LOAD_JOURNALS, [ids])).rows, (row) => row.run_id),
    ]);
    const host = this.hostOf(lane);
    const loaded: LiveRun[] = [];
    for (const row of runs) {
      const flow = await this.catalogue.compiled(row.flow_id, row.revision);
      const journal = journals.get(row.id) ?? [];
      loaded.push(
        new LiveRun(factsOf(row), flow, host, {
          rows: (journal.at(-1)?.seq ?? -1) + 1,
          entries: journal.flatMap(({ entries }) => entries),
        }),
      );
    }
    return loaded;
  }
}

/** Takes one dead lease; its runs are `lane`'s when the transaction commits. */
async function takeOver(client: pg.ClientBase, epoch: string, lane: Lane): Promise<readonly string[] | undefined> {
  const dead = (await client.query<{ epoch: string; low_water: string }>(TAKE_LEASE, [epoch])).rows[0];
  if (!dead) return undefined;
  await client.query(LOWER_WATER, [epoch, dead.low_water]);
  // A statement of its own: its snapshot is younger than the lock on the lease, so it sees the last flush of the former owner.
  const { rows } = await client.query<{ id: string }>(ADOPT_RUNS, [epoch, dead.epoch, dead.low_water]);
  await client.query(FORGET_LEASES);
  const ids = rows.map(({ id }) => id);
  lane.claimed(ids);
  return ids;
}

async function inTransaction<T>(client: pg.ClientBase, work: () => Promise<T>): Promise<T> {
  await client.query('begin');
  try {
    const result = await work();
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw error;
  }
}

function factsOf(row: RunRow): RunFacts {
  const { event_id: id, event_type: type, event_occurred_at: occurredAt, event_data: data } = row;
  return {
    id: row.id,
    tenantId: row.tenant_id,
    flowId: row.flow_id,
    revision: row.revision,
    ...(id !== null && type !== null && occurredAt !== null && data !== null && { event: { id, type, occurredAt, data } }),
    ...(row.inputs !== null && { inputs: row.inputs }),
    ...(row.one_per !== null && { onePer: row.one_per }),
  };
}
