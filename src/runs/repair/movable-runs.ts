/** Which waiting runs of a flow can go on with its newest revision, and why the others cannot. */
import { Injectable } from '@nestjs/common';
import { isKassaflowError } from '../../kernel/errors.ts';
import { idOf, uuidOf } from '../../kernel/ids.ts';
import { Database } from '../../platform/database/transaction.ts';
import { FlowCatalogue } from '../../flows/flow-catalogue.ts';
import { canMove, type MoveAnswer } from './can-move.ts';
import { Recordings } from './recordings.ts';
import { repairErrors } from './repair-errors.ts';

/** Counts of a flow's waiting runs, as they go over the wire. */
export interface MovableView {
  readonly flow: string;
  /** The newest revision. */
  readonly revision: number;
  readonly movable: number;
  readonly stay: number;
  /** There are more runs than were looked at. */
  readonly more: boolean;
  /** Why runs stay, with how many and one of them. */
  readonly reasons: readonly { readonly why: string; readonly count: number; readonly sample: string }[];
}

/** Runs that one preview looks at: each is replayed. */
const MOST = 1_000;

@Injectable()
export class MovableRuns {
  constructor(
    private readonly database: Database,
    private readonly recordings: Recordings,
    private readonly catalogue: FlowCatalogue,
  ) {}

  /** Whether the run, by its `uuid`, may go on with the newest revision. @throws runs.not-found */
  async check(tenantId: string, runId: string): Promise<MoveAnswer & { readonly revision: number }> {
    const recording = await this.recordings.read(tenantId, runId);
    const { flowId, revision: own } = recording.facts;
    const newest = await this.#newest(tenantId, flowId);
    if (newest === own) return { movable: false, why: 'It is on the newest revision.', revision: newest };
    try {
      return { ...(await canMove(recording, await this.catalogue.compiled(flowId, newest))), revision: newest };
    } catch (error) {
      if (!isKassaflowError(error)) throw error;
      return { movable: false, why: error.message, revision: newest };
    }
  }

  /** @throws repair.no-such-flow */
  async preview(tenantId: string, flow: string): Promise<MovableView> {
    const { revision, runs } = await this.#standing(tenantId, flow);
    const reasons = new Map<string, { why: string; count: number; sample: string }>();
    let movable = 0;
    for (const id of runs.slice(0, MOST)) {
      const answer = await this.check(tenantId, id);
      if (answer.movable) {
        movable += 1;
        continue;
      }
      const reason = reasons.get(answer.why) ?? { why: answer.why, count: 0, sample: idOf('run', id) };
      reasons.set(answer.why, reason);
      reason.count += 1;
    }
    const stay = [...reasons.values()].toSorted((a, b) => b.count - a.count);
    return {
      flow,
      revision,
      movable,
      stay: stay.reduce((sum, { count }) => sum + count, 0),
      more: runs.length > MOST,
      reasons: stay.slice(0, 50),
    };
  }

  /** As {@link check}, by the id on the wire. */
  checkId(tenantId: string, id: string): Promise<MoveAnswer & { readonly revision: number }> {
    return this.check(tenantId, uuidOf('run', id));
  }

  async #newest(tenantId: string, flowId: string): Promise<number> {
    return this.database.transact(tenantId, async (tx) => {
      const [row] = await tx.query<{ revision: number }>('select revision from flow where id = $1', [flowId]);
      if (!row) throw repairErrors['no-such-flow']();
      return row.revision;
    });
  }

  #standing(tenantId: string, flow: string): Promise<{ revision: number; runs: readonly string[] }> {
    return this.database.transact(tenantId, async (tx) => {
      const [found] = await tx.query<{ id: string; revision: number }>('select id, revision from flow where name = $1', [flow]);
      if (!found) throw repairErrors['no-such-flow']();
      const rows = await tx.query<{ id: string }>(
        `select id from run where flow_id = $1 and revision < $2 and status in ('waiting', 'attention') order by id desc limit $3`,
        [found.id, found.revision, MOST + 1],
      );
      return { revision: found.revision, runs: rows.map(({ id }) => id) };
    });
  }
}
