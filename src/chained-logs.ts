/** The logs that are hash-chained: the one list, for the application and for the command line. */
import { CHAINED_LEDGER } from './domain/ledger/index.ts';
import type { ChainedLog } from './platform/chain/chained-log.ts';
import { CHAINED_AUDIT } from './platform/tenancy/chained-audit.ts';

export const CHAINED_LOGS: readonly ChainedLog[] = [CHAINED_LEDGER, CHAINED_AUDIT];
