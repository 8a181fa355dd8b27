/** Recorded runs out of the database: for replaying them here, and as a file for elsewhere. */
import { Injectable } from '@nestjs/common';
import { Config } from '../../platform/config/config.ts';
import { Database } from '../../platform/database/transaction.ts';
import { ActionDoor } from '../../plugin-host/action-call.ts';
import type { JournalEntry } from '../journal-entry.ts';
import { runErrors } from '../run.errors.ts';
import type { RunFacts } from '../run.ts';
import type { SourcedRecording } from './recording-file.ts';
import { recordedActions } from './silent-door.ts';

interface RecordedRow {
  readonly id: string;
  readonly flow_id: string;
  readonly flow: string;
  readonly source: string;
  readonly revision: number;
  readonly inputs: Readonly<Record<string, unknown>> | null;
  readonly one_per: string | null;
  readonly event_id: string | null;
  readonly event_type: string | null;
  readonly event_occurred_at: Date | null;
  readonly event_data: Readonly<Record<string, unknown>> | null;
}

@Injectable()
export class Recordings {
  constructor(
    private readonly database: Database,
    private readonly door: ActionDoor,
    private readonly config: Config,
  ) {}

  /** @param runId `uuid` @throws runs.not-found */
  read(tenantId: string, runId: string): Promise<SourcedRecording> {
    return this.database.transact(tenantId, async (tx) => {
      const [row] = await tx.query<RecordedRow>(RECORDED, [runId]);
      if (!row) throw runErrors['not-found']();
      const journal = await tx.query<{ entries: readonly JournalEntry[] }>(
        'select entries from run_journal where run_id = $1 order by seq',
        [runId],
      );
      const entries = journal.flatMap((part) => part.entries);
      return {
        facts: factsOf(row, tenantId),
        entries,
        actions: recordedActions(this.door.manifests(), row.source),
        publicUrl: this.config.publicUrl,
        flow: row.flow,
        source: row.source,
      };
    });
  }
}

const RECORDED = `
select r.id, r.flow_id, f.name as flow, v.source, r.revision, r.inputs, r.one_per,
  e.id as event_id, e.type as event_type, e.occurred_at as event_occurred_at, e.data as event_data
from run r join flow f on f.id = r.flow_id join flow_revision v on v.flow_id = r.flow_id and v.revision = r.revision
left join event e on e.id = r.event_id
where r.id = $1`;

function factsOf(row: RecordedRow, tenantId: string): RunFacts {
  const { event_id: id, event_type: type, event_occurred_at: occurredAt, event_data: data } = row;
  return {
    id: row.id,
    tenantId,
    flowId: row.flow_id,
    revision: row.revision,
    ...(id !== null && type !== null && occurredAt !== null && data !== null && { event: { id, type, occurredAt, data } }),
    ...(row.inputs !== null && { inputs: row.inputs }),
    ...(row.one_per !== null && { onePer: row.one_per }),
  };
}
