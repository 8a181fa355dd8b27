import type { ChainedLog } from '../../platform/chain/chained-log.ts';

/** What must never change about an entry and its lines. */
export const CHAINED_LEDGER: ChainedLog = {
  name: 'ledger',
  rows: `
select e.tenant_id, e.position, jsonb_build_array(
  e.id, e.tenant_id, e.position, e.idempotency_key, encode(e.request_hash, 'hex'), e.kind, e.subject, e.description,
  e.effective_at at time zone 'UTC', e.posted_at at time zone 'UTC', e.reverses,
  (select jsonb_agg(jsonb_build_array(l.line, l.account_id, l.side, l.minor, l.currency) order by l.line) from ledger_line l where l.entry_id = e.id)
) as content
from ledger_entry e where e.position > $1 and e.position <= $2`,
};
