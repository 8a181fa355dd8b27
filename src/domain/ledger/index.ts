export { accounts } from './accounts.ts';
export { credit, debit, signed, type LedgerDraft, type LedgerLine } from './ledger-entry.ts';
export { Ledger, type LedgerEntry } from './ledger.service.ts';
export { LedgerModule } from './ledger.module.ts';
export { requestHash } from './request-hash.ts';
export { CHAINED_LEDGER } from './chained-ledger.ts';
