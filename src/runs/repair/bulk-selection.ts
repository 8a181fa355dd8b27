/** Which runs a bulk job is about. Fixed by the server when the preview is made: no run that comes later is ever taken in. */
import { z } from 'zod';
import { uuidOf } from '../../kernel/ids.ts';
import type { Transaction } from '../../platform/database/transaction.ts';
import { repairErrors } from './repair-errors.ts';

/** Runs in one job. */
export const MOST_RUNS = 100_000;
/** Ids in one request. */
const MOST_IDS = 10_000;

export const selectionSchema = z
  .strictObject({
    runs: z.array(z.string().max(40)).min(1).max(MOST_IDS).optional().meta({ description: 'These runs, by id' }),
    flow: z.string().max(64).optional(),
    status: z.enum(['waiting', 'attention', 'failed', 'running']).optional(),
    fingerprint: z
      .string()
      .regex(/^[0-9a-f]{16}$/)
      .optional()
      .meta({ description: 'The dead letters of this group' }),
    since: z.iso.datetime({ offset: true }).optional().meta({ description: 'Started at this moment or later' }),
    until: z.iso.datetime({ offset: true }).optional().meta({ description: 'Started before this moment; default: now' }),
  })
  .refine(({ runs, flow, status, fingerprint }) => runs ?? flow ?? status ?? fingerprint, {
    message: 'Name the runs, or at least a flow, a status or a fingerprint',
  })
  .meta({ id: 'BulkSelection' });

export type Selection = z.infer<typeof selectionSchema>;

/** The selection as it is stored and shown: its end is a moment, never "now". */
export function resolved(selection: Selection, now: Date): Selection {
  return selection.runs ? selection : { ...selection, until: selection.until ?? now.toISOString() };
}

/**
 * Writes the selected runs under `jobId`, oldest first, each with how it stands.
 * @returns how many @throws repair.nothing-selected, repair.too-many, id.format
 */
export async function storeSelection(tx: Transaction, jobId: string, selection: Selection): Promise<number> {
  const { runs, flow, status, fingerprint, since, until } = selection;
  const ids = runs?.map((id) => uuidOf('run', id));
  const [row] = await tx.query<{ total: number }>(STORE, [
    jobId,
    tx.tenantId,
    ids ?? null,
    flow ?? null,
    status ?? null,
    fingerprint ?? null,
    since ?? null,
    until ?? null,
    MOST_RUNS + 1,
  ]);
  const total = row?.total ?? 0;
  if (total === 0) throw repairErrors['nothing-selected']();
  if (total > MOST_RUNS) throw repairErrors['too-many']();
  return total;
}

/** What the plan rests on, as one digest: which runs, how each stands, and the newest revision of its flow. */
export async function digestOf(tx: Transaction, jobId: string): Promise<string> {
  const [row] = await tx.query<{ digest: string }>(DIGEST, [jobId]);
  return row?.digest ?? '';
}

const JOURNAL_ROWS = `coalesce((select max(seq) + 1 from run_journal j where j.run_id = r.id), 0)`;

const STORE = `
with chosen as (
  select r.id, r.status, r.tenant_id from run r
  where ($3::uuid[] is null or r.id = any ($3::uuid[]))
    and ($4::text is null or r.flow_id = (select id from flow where name = $4))
    and ($5::text is null or r.status = $5)
    and ($6::text is null or exists (
      select from run_failure f where f.run_id = r.id and f.fingerprint = $6 and r.status in ('failed', 'attention')))
    and ($7::timestamptz is null or r.started_at >= $7::timestamptz) and ($8::timestamptz is null or r.started_at < $8::timestamptz)
  order by r.id limit $9
), stored as (
  insert into bulk_job_run (job_id, position, tenant_id, run_id, status, journal_rows, category)
  select $1::uuid, row_number() over (order by r.id), $2::uuid, r.id, r.status, ${JOURNAL_ROWS}, 'safe' from chosen r
  returning 1
)
select count(*)::int as total from stored`;

const DIGEST = `
select encode(sha256(convert_to(coalesce(string_agg(
  r.id::text || r.status || ${JOURNAL_ROWS} || '@' || coalesce(f.revision, 0), ',' order by b.position), ''), 'UTF8')), 'hex') as digest
from bulk_job_run b join run r on r.id = b.run_id left join flow f on f.id = r.flow_id
where b.job_id = $1::uuid`;
