/** An engine over a database of its own, for tests of the Postgres backend. */
import { hash } from 'node:crypto';
import { Logger } from '@nestjs/common';
import { KassaflowError } from '../../kernel/errors.ts';
import { newUuid } from '../../kernel/ids.ts';
import { systemClock } from '../../kernel/clock.ts';
import { SubjectReaders } from '../../events/subject-readers.ts';
import type { CompiledFlow } from '../../flows/language/compiled-flow.ts';
import { flowErrors } from '../../flows/flow-errors.ts';
import { TriggerIndex, type PublishedFlow } from '../../flows/trigger-index.ts';
import { FlowCatalogue } from '../../flows/flow-catalogue.ts';
import type { TestDatabase } from '../../../test/support/database.ts';
import { until } from '../../../test/support/until.ts';
import { DEFAULT_RUN_SETTINGS, type RunSettings } from '../run-settings.ts';
import type { Provider } from '../conformance/provider.ts';
import { PostgresEngine, type EngineParts } from './engine.ts';
import { PostgresIntake } from './intake.ts';

// Tests break connections on purpose; what the engine says about it would drown what a test says.
Logger.overrideLogger(false);

export const FAST: RunSettings = {
  ...DEFAULT_RUN_SETTINGS,
  leaseMs: 400,
  unknownScheduleMs: [5, 5, 5, 5],
  authScheduleMs: [5],
  stopMs: 2_000,
};

/** Flows in memory: the engine asks nothing else of the catalogue. */
export class TestCatalogue extends FlowCatalogue {
  readonly index = new TriggerIndex();
  readonly #flows = new Map<string, PublishedFlow>();
  /** Flows that can no longer be read. */
  readonly unreadable = new Set<string>();

  add(tenantId: string, flow: CompiledFlow): PublishedFlow {
    const published = { flowId: newUuid(), tenantId, revision: 1, flow };
    this.#flows.set(published.flowId, published);
    this.index.put(published);
    return published;
  }

  override cached(flowId: string): CompiledFlow | undefined {
    return this.#flows.get(flowId)?.flow;
  }

  override compiled(flowId: string): Promise<CompiledFlow> {
    if (this.unreadable.has(flowId))
      return Promise.reject(new KassaflowError('flow.unreadable', { status: 500, title: 'It cannot be read', remedy: 'never' }));
    const flow = this.#flows.get(flowId)?.flow;
    return flow ? Promise.resolve(flow) : Promise.reject(new RangeError(`no flow ${flowId}`));
  }

  override find(tenantId: string, name: string): Promise<PublishedFlow> {
    const found = [...this.#flows.values()].find((published) => published.tenantId === tenantId && published.flow.name === name);
    return found ? Promise.resolve(found) : Promise.reject(flowErrors['not-found']({ name }));
  }
}

export interface TestEngine {
  readonly engine: PostgresEngine;
  readonly intake: PostgresIntake;
  readonly catalogue: TestCatalogue;
  readonly subjects: SubjectReaders;
}

export function testEngine(
  db: Pick<TestDatabase, 'enginePool'>,
  door: Provider,
  settings: Partial<RunSettings> = {},
  shared: { catalogue?: TestCatalogue; pool?: TestDatabase['enginePool']; guards?: Pick<EngineParts, 'gate' | 'parking'> } = {},
): TestEngine {
  const catalogue = shared.catalogue ?? new TestCatalogue();
  const subjects = new SubjectReaders();
  const pool = shared.pool ?? db.enginePool;
  const engine = new PostgresEngine({
    pool,
    door,
    subjects,
    index: catalogue.index,
    catalogue,
    clock: systemClock,
    settings: { ...FAST, ...settings },
    ...shared.guards,
  });
  return { engine, intake: new PostgresIntake(engine, pool, { wake: () => undefined }), catalogue, subjects };
}

/** Gives a command to the only run (with this status) as the API does, and waits for its answer. */
export async function giveCommand(
  { ownerPool }: TestDatabase,
  { engine }: TestEngine,
  kind: string,
  detail: object = {},
  status?: string,
): Promise<unknown> {
  const { rows } = await ownerPool.query<{ id: string }>(
    `insert into run_command (tenant_id, run_id, kind, detail, requested_by)
     select tenant_id, id, $1, $2, 'key/test' from run where $3::text is null or status = $3 returning id::text`,
    [kind, detail, status ?? null],
  );
  engine.nudge();
  let answer: unknown = null;
  await until(
    async () => {
      answer = (await ownerPool.query<{ answer: unknown }>('select answer from run_command where id = $1', [rows[0]?.id])).rows[0]?.answer;
      return answer !== null;
    },
    () => `${kind} was not answered`,
  );
  return answer;
}

let sent = 0;

/** An event as the door gives it, with an id of its own. */
export function incoming(tenantId: string, data: Readonly<Record<string, unknown>> = {}, more: { type?: string; sourceId?: string } = {}) {
  sent += 1;
  const { type = 'custom.started', sourceId = `event-${sent}` } = more;
  return {
    tenantId,
    source: '/portal',
    sourceId,
    type,
    subject: '',
    occurredAt: new Date(),
    data,
    bodyHash: hash('sha256', JSON.stringify([type, data]), 'buffer'),
  };
}
