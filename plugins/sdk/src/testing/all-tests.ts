import type { ConformanceTest } from './conformance-test.ts';
import { accountingTests } from './tests/accounting.ts';
import { actionTests } from './tests/actions.ts';
import { connectionTests } from './tests/connection.ts';
import { manifestTests } from './tests/manifest.ts';
import { detailTests } from './tests/payments-details.ts';
import { factTests } from './tests/payments-facts.ts';
import { onceTests } from './tests/payments-once.ts';
import { settlementTests } from './tests/settlement.ts';
import { webhookTests } from './tests/webhooks.ts';

const numberOf = ({ id }: ConformanceTest): number => Number(id.slice(1));

/** The 66 tests, in the order of their ids: M1 … M12, C1 … C6, P1 … P22, W1 … W12, S1 … S4, A1 … A6, T1 … T4. */
export const CONFORMANCE_TESTS: readonly ConformanceTest[] = [
  ...manifestTests,
  ...connectionTests,
  ...[...onceTests, ...factTests, ...detailTests].toSorted((a, b) => numberOf(a) - numberOf(b)),
  ...webhookTests,
  ...settlementTests,
  ...accountingTests,
  ...actionTests,
];
