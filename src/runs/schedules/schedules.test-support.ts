/** Processes that publish flows, fire their schedules and run them, on one database. */
import { systemClock } from '../../kernel/clock.ts';
import { Audit } from '../../platform/tenancy/audit.ts';
import type { TriggerDoor } from '../../plugin-host/trigger-door.ts';
import type { EventIntake } from '../../events/event-intake.ts';
import { SubjectReaders } from '../../events/subject-readers.ts';
import { FlowVocabulary } from '../../flows/flow-vocabulary.ts';
import { Flows } from '../../flows/flows.service.ts';
import { PublishTests } from '../../flows/publish-tests.ts';
import { PublishedFlows } from '../../flows/published-flows.ts';
import { TriggerIndex } from '../../flows/trigger-index.ts';
import type { TestDatabase } from '../../../test/support/database.ts';
import { Provider } from '../conformance/provider.ts';
import { PostgresEngine } from '../postgres/engine.ts';
import { FAST } from '../postgres/engine.test-support.ts';
import { PostgresIntake } from '../postgres/intake.ts';
import { FireSchedules } from './fire-schedules.ts';

/** A lease that a busy machine does not lose; what becomes of a lost one is tested elsewhere. */
const SETTINGS = { ...FAST, leaseMs: 15_000 };

export interface FlowProcess {
  readonly flows: Flows;
  readonly published: PublishedFlows;
  readonly index: TriggerIndex;
  readonly engine: PostgresEngine;
  readonly intake: EventIntake;
  /** Its loop is not started: a test says when it looks. */
  readonly schedules: FireSchedules;
}

/** @param surroundings what stands in for plugins, and between the schedules and the event log */
export async function flowProcess(
  db: TestDatabase,
  {
    triggers,
    wrap = (intake) => intake,
  }: { readonly triggers?: TriggerDoor; readonly wrap?: ((intake: EventIntake) => EventIntake) | undefined } = {},
): Promise<FlowProcess> {
  const door = new Provider();
  const index = new TriggerIndex();
  const vocabulary = new FlowVocabulary(door, triggers);
  const published = new PublishedFlows(db.enginePool, index, vocabulary, systemClock);
  await published.refresh();
  const flows = new Flows(db.database, vocabulary, published, new Audit(), systemClock, new PublishTests());
  const parts = {
    pool: db.enginePool,
    door,
    subjects: new SubjectReaders(),
    index,
    catalogue: published,
    clock: systemClock,
    settings: SETTINGS,
  };
  const engine = new PostgresEngine(parts);
  await engine.start();
  const intake = new PostgresIntake(engine, db.enginePool, { wake: () => undefined });
  const schedules = new FireSchedules(db.enginePool, wrap(intake), published, index, systemClock);
  return { flows, published, index, engine, intake, schedules };
}
