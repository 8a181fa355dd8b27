/** The conformance kit: 66 tests that a plugin passes before anybody trusts it with money. See docs/plugins.md. */
export { CONFORMANCE_TESTS } from './all-tests.ts';
export { conformanceTests, type DefineTest } from './as-tests.ts';
export { type ConformanceTest, type Group, type Need } from './conformance-test.ts';
export { openDoor, type OpenDoor } from './open-door.ts';
export { entryOf } from './plugin-files.ts';
export { type PluginInProduction, type ProductionDoor } from './production.ts';
export { explainFailure, renderConformance, reportOf, type ConformanceReport } from './report.ts';
export { BUDGET_MS, runConformance, runConformanceTest, type RunOptions, type TestResult } from './run-conformance.ts';
export {
  type AccountingLevers,
  type ActionLevers,
  type LocalProvider,
  type MandateLevers,
  type PaymentLevers,
  type SettledDay,
  type SettlementLevers,
  type Subject,
  type TriggerLevers,
  type WebhookLevers,
  type WebhookVector,
} from './subject.ts';
