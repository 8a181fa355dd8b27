/** Taking runs into memory: those whose timer or command came, and those of leases whose time is over. */
import { Logger } from '@nestjs/common';
import type pg from 'pg';
import { isKassaflowError } from '../../kernel/errors.ts';
import type { CompiledFlow } from '../../flows/language/compiled-flow.ts';
import type { FlowCatalogue } from '../../flows/flow-catalogue.ts';
import type { JournalEntry } from '../journal-entry.ts';
import { LiveRun, type RunHost } from '../live-run.ts';
import { depthOfEvent } from '../event-chain.ts';
import type { RunFacts, RunStatus } from '../run.ts';
import type { Lane } from './lane.ts';
import { ADOPT_CLAIMED, ADOPT_STARTED, BACK_IN_LINE, FORGET_LEASES } from './queries/adopt-runs.ts';
import { CLAIM_RUNS } from './queries/claim-runs.ts';
import { LOAD_JOURNALS, LOAD_RUNS } from './queries/load-runs.ts';
import { OWN_CLAIMED, OWN_STARTED } from './queries/own-runs.ts';
import { TAKE_LEASE } from './queries/take-lease.ts';
import { TAKE_TURNS } from './queries/take-turns.ts';
import type { TurnKey } from './turn-key.ts';

interface RunRow {
  readonly id: string;
  readonly tenant_id: string;
  readonly flow_id: string;
  readonly flow: string | null;
  readonly revision: number;
  readonly inputs: Readonly<Record<string, unknown>> | null;
  readonly one_per: string | null;
  readonly parent_run: string | null;
  readonly parent_step: string | null;
  readonly depth: number | null;
  readonly event_id: string | null;
  readonly event_type: string | null;
  readonly event_occurred_at: Date | null;
  readonly event_source: string | null;
  readonly chain: number | null;
  readonly event_data: Readonly<Record<string, unknown>> | null;
}

interface JournalRow {
  readonly run_id: string;
  readonly seq: number;
  readonly entries: readonly JournalEntry[];
}

/** Runs of a lease that was taken. */
interface Adopted {
  readonly runs: readonly string[];
  readonly afterDeath: boolean;
}

const LOAD_MOST = 200;
/** How long a suspect has to get on before the next one goes. */
const TRIAL_MS = 2_000;
const TRIAL_POLL_MS = 10;

export class Resume {
  readonly #log = new Logger('runs');
  /** The answer to a claim was lost, or what was claimed could not be loaded: some runs may be this process's without it knowing, until `findOwn`. */
  uncertain = false;

  constructor(
    private readonly catalogue: FlowCatalogue,
    private readonly hostOf: (lane: Lane) => RunHost,
  ) {}

  /**
   * Takes those of `ids` that nobody has in memory and that are in one of `statuses`, and loads them. They are not begun.
   * What is not returned belongs to somebody else, or is not in such a status.
   */
  async claim(lane: Lane, ids: readonly string[], statuses: readonly RunStatus[]): Promise<readonly LiveRun[]> {
    return this.#taken(lane, (client, epoch, flush) => idsOf(client, CLAIM_RUNS, [epoch, flush, ids, statuses]));
  }

  /** Takes the oldest queued run of each key that is free, and loads it. They are not begun. */
  async takeTurns(lane: Lane, keys: readonly TurnKey[]): Promise<readonly LiveRun[]> {
    return this.#taken(lane, (client, epoch, flush) => idsOf(client, TAKE_TURNS, [epoch, flush, JSON.stringify(keys)]));
  }

  /** Loads a run of this lane again, after its revision has changed. */
  async reload(lane: Lane, id: string): Promise<LiveRun | undefined> {
    return (await this.#load(lane, [id], false))[0];
  }

  /** Takes over one lease whose time is over, with its runs. @returns false when there is none */
  async adopt(lane: Lane): Promise<boolean> {
    const adopted = await lane.between((client, epoch) => inTransaction(client, () => takeOver(client, epoch)));
    if (!adopted) return false;
    const { runs, afterDeath } = adopted;
    if (runs.length > 0) this.#log.log(`Took over ${runs.length} runs of a process that ${afterDeath ? 'died' : 'stopped'}`);
    await this.#begin(lane, runs, afterDeath);
    return true;
  }

  /** Loads what this lane owns without knowing, after the answer to a claim was lost or a claimed run could not be loaded. */
  async findOwn(lane: Lane): Promise<void> {
    const own = await lane.between(async (client, epoch) => {
      await client.query(OWN_STARTED, [epoch]);
      const absent = (await idsOf(client, OWN_CLAIMED, [epoch])).filter((id) => !lane.has(id));
      const inLine = new Set(await idsOf(client, BACK_IN_LINE, [epoch, absent]));
      return absent.filter((id) => !inLine.has(id));
    });
    await this.#begin(lane, own, false);
  }

  /** Makes runs the lane's by a statement between two flushes, and loads them. */
  async #taken(lane: Lane, take: (client: pg.ClientBase, epoch: string, flush: string) => Promise<readonly string[]>): Promise<LiveRun[]> {
    try {
      const ids = await lane.between(async (client, epoch, flush) => {
        const taken = await take(client, epoch, flush);
        lane.claimed(taken);
        return taken;
      });
      return await this.#load(lane, ids, false);
    } catch (error) {
      this.uncertain = true;
      throw error;
    }
  }

  async #begin(lane: Lane, ids: readonly string[], afterDeath: boolean): Promise<void> {
    const { lease } = lane;
    const suspects: LiveRun[] = [];
    for (let at = 0; at < ids.length; at += LOAD_MOST) {
      const slice = ids.slice(at, at + LOAD_MOST);
      lane.claimed(slice);
      for (const run of await this.#load(lane, slice, afterDeath)) {
        if (run.suspect) suspects.push(run);
        else lane.keep(run);
      }
    }
    if (suspects.length > 0) void this.#tryOneByOne(lane, lease, suspects);
  }

  /**
   * Runs under which the process died twice. One of them may be the cause: they go on one after the other, so that a third
   * death falls on that one and not on those that were in memory with it.
   */
  async #tryOneByOne(lane: Lane, lease: string, suspects: readonly LiveRun[]): Promise<void> {
    for (const run of suspects) {
      // Without the lease they are somebody else's, who has read what this process knows of them anew.
      if (lane.lease !== lease) return;
      lane.keep(run);
      for (let waited = 0; run.suspect && waited < TRIAL_MS; waited += TRIAL_POLL_MS)
        await new Promise((resolve) => setTimeout(resolve, TRIAL_POLL_MS).unref());
    }
  }

  /** Loads claimed runs. When that fails they are claimed no more, so that `findOwn` finds them. */
  async #load(lane: Lane, ids: readonly string[], afterDeath: boolean): Promise<LiveRun[]> {
    if (ids.length === 0) return [];
    try {
      return await this.#read(lane, ids, afterDeath);
    } catch (error) {
      lane.unclaimed(ids);
      throw error;
    }
  }

  async #read(lane: Lane, ids: readonly string[], afterDeath: boolean): Promise<LiveRun[]> {
    const [runs, journals, lease] = await lane.between(async (client, epoch) => [
      (await client.query<RunRow>(LOAD_RUNS, [epoch, ids])).rows,
      Map.groupBy((await client.query<JournalRow>(LOAD_JOURNALS, [ids])).rows, (row) => row.run_id),
      epoch,
    ]);
    const host = this.hostOf(lane);
    const loaded: LiveRun[] = [];
    for (const row of runs) {
      const flow = await this.#flowOf(row);
      const journal = journals.get(row.id) ?? [];
      const run = new LiveRun(factsOf(row), 'unreadable' in flow ? emptyFlow(row.flow ?? '') : flow, host, {
        rows: (journal.at(-1)?.seq ?? -1) + 1,
        entries: journal.flatMap(({ entries }) => entries),
        afterDeath,
        ...('unreadable' in flow && { unreadable: flow.unreadable }),
      });
      lane.wasRead(run, lease);
      loaded.push(run);
    }
    return loaded;
  }

  /** The flow, or why it cannot be read: such a run is set aside and keeps no other from going on. */
  async #flowOf({ id, flow_id, revision }: RunRow): Promise<CompiledFlow | { readonly unreadable: string }> {
    try {
      return await this.catalogue.compiled(flow_id, revision);
    } catch (error) {
      if (!isKassaflowError(error) || error.spec.remedy === 'retry') throw error;
      this.#log.error(`Run ${id} is set aside: revision ${revision} of its flow cannot be read: ${error.message}`);
      return { unreadable: error.message };
    }
  }
}

/** Takes one dead lease; its runs are `lane`'s when the transaction commits. */
async function takeOver(client: pg.ClientBase, epoch: string): Promise<Adopted | undefined> {
  const dead = (await client.query<{ epoch: string; low_water: string; released: boolean }>(TAKE_LEASE, [epoch])).rows[0];
  if (!dead) return undefined;
  // Statements of their own: their snapshots are younger than the lock on the lease, so they see the last flush of the former owner.
  await client.query(BACK_IN_LINE, [dead.epoch, null]);
  const started = await idsOf(client, ADOPT_STARTED, [epoch, dead.epoch, dead.low_water]);
  const claimed = await idsOf(client, ADOPT_CLAIMED, [epoch, dead.epoch]);
  await client.query(FORGET_LEASES);
  return { runs: [...claimed, ...started].toSorted(), afterDeath: !dead.released };
}

async function idsOf(client: pg.ClientBase, statement: string, values: readonly unknown[]): Promise<string[]> {
  return (await client.query<{ id: string }>(statement, [...values])).rows.map(({ id }) => id);
}

/** Stands in for a flow that cannot be read. */
function emptyFlow(name: string): CompiledFlow {
  return { name, title: name, timeZone: 'UTC', triggers: [], stopOn: [], vars: {}, steps: [], onFailure: [] };
}

/** Our lease is locked meanwhile: a process that stands still here keeps its runs from others for at most this long. */
const STANDSTILL_MS = 3_000;

async function inTransaction<T>(client: pg.ClientBase, work: () => Promise<T>): Promise<T> {
  await client.query('begin');
  await client.query(`set local idle_in_transaction_session_timeout = ${STANDSTILL_MS}`);
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
  const chain = row.chain ?? depthOfEvent(row.event_source ?? '');
  return {
    id: row.id,
    tenantId: row.tenant_id,
    flowId: row.flow_id,
    revision: row.revision,
    ...(id !== null && type !== null && occurredAt !== null && data !== null && { event: { id, type, occurredAt, data } }),
    ...(chain > 0 && { chain }),
    ...(row.inputs !== null && { inputs: row.inputs }),
    ...(row.one_per !== null && { onePer: row.one_per }),
    ...(row.parent_run !== null && row.parent_step !== null && { parent: { run: row.parent_run, step: row.parent_step } }),
    ...(row.depth !== null && { depth: row.depth }),
  };
}
