import type { ChainedLog } from '../chain/chained-log.ts';

/** What must never change about an entry of the audit log. */
export const CHAINED_AUDIT: ChainedLog = {
  name: 'audit',
  rows: `
select tenant_id, position, jsonb_build_array(seq, tenant_id, position, at at time zone 'UTC', actor, action, subject, detail) as content
from audit_entry where position > $1 and position <= $2`,
};
