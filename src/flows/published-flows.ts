/**
 * The flows of all tenants as this process knows them: keeps the trigger index up to date and hands compiled revisions to
 * the engine.
 *
 * A publication in this process is seen at once (`refresh`), one in another within the poll of half a second. Only rows
 * changed since the last look are read; the look goes back a minute, because a transaction's rows become visible when it
 * commits and not when it wrote their time. A revision in memory is never read again: revisions do not change.
 *
 * Of each enabled flow its text is kept, about 2 kB, and what starts it. Compiled it takes about 50 kB: so it is compiled when an
 * event, a run or a person asks for it, in a millisecond, and the {@link KEPT} that were used last stay compiled.
 */
import { Inject, Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import type { Clock } from '../kernel/clock.ts';
import { CLOCK } from '../platform/clock.ts';
import { EnginePool } from '../platform/database/engine-pool.ts';
import { WorkerLoop } from '../platform/worker-loop.ts';
import { flowErrors } from './flow-errors.ts';
import { FlowCatalogue } from './flow-catalogue.ts';
import { readRoutes, routesOf } from './flow-routes.ts';
import { FlowVocabulary } from './flow-vocabulary.ts';
import type { CompiledFlow } from './language/compiled-flow.ts';
import { compileSource } from './language/compile.ts';
import { TriggerIndex, type PublishedFlow } from './trigger-index.ts';

const POLL_MS = 500;
const OVERLAP_MS = 60_000;
/** Compiled revisions kept; one of a usual flow takes about 50 kB. */
const KEPT = 1_000;
/** Texts read at once. */
const PAGE = 1_000;

interface ChangedRow {
  readonly id: string;
  readonly enabled: boolean;
  readonly revision: number;
}

interface TextRow {
  readonly id: string;
  readonly tenant_id: string;
  readonly name: string;
  readonly revision: number;
  readonly source: string;
  readonly routes: unknown;
  readonly time_zone: string;
}

@Injectable()
export class PublishedFlows extends FlowCatalogue implements OnApplicationShutdown {
  readonly #log = new Logger('flows');
  readonly #compiled = new Map<string, CompiledFlow>();
  readonly #revisions = new Map<string, string>();
  #since = new Date(0);
  #refreshing: Promise<void> | undefined;
  readonly #loop = new WorkerLoop(
    async () => {
      await this.refresh();
      return POLL_MS;
    },
    POLL_MS,
    (error) => (this.#problem = error),
  );
  /** Why the last look failed. */
  #problem: unknown;
  readonly #unreadable = new Map<string, unknown>();

  constructor(
    private readonly pool: EnginePool,
    private readonly index: TriggerIndex,
    private readonly vocabulary: FlowVocabulary,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    super();
  }

  /** Reads all flows and begins to follow changes. Called once the plugins are known, before events are taken. */
  async start(): Promise<void> {
    await this.refresh();
    this.#loop.start(POLL_MS);
  }

  onApplicationShutdown(): Promise<void> {
    return this.#loop.stop();
  }

  /** Looks for changes now; when this resolves, everything committed before the call is in the index. */
  async refresh(): Promise<void> {
    // One that is under way may have read before our commit: another follows it.
    while (this.#refreshing) await this.#refreshing.catch(() => undefined);
    this.#refreshing = this.#look().finally(() => (this.#refreshing = undefined));
    await this.#refreshing;
    this.#problem = undefined;
  }

  /** Why changes cannot be followed, or which flows cannot be read; for the health page. Empty while all is well. */
  get problems(): readonly unknown[] {
    return [...(this.#problem === undefined ? [] : [this.#problem]), ...this.#unreadable.values()];
  }

  override cached(flowId: string, revision: number): CompiledFlow | undefined {
    return this.#cached(`${flowId}/${revision}`);
  }

  override async compiled(flowId: string, revision: number): Promise<CompiledFlow> {
    const known = this.cached(flowId, revision);
    if (known) return known;
    const { rows } = await this.pool.query<{ source: string; time_zone: string }>(
      'select r.source, t.time_zone from flow_revision r join tenant t on t.id = r.tenant_id where r.flow_id = $1 and r.revision = $2',
      [flowId, revision],
    );
    const [row] = rows;
    if (!row) throw flowErrors['unknown-revision']({ flow: flowId, revision });
    return this.#compile(`${flowId}/${revision}`, row.source, row.time_zone);
  }

  override async find(tenantId: string, name: string): Promise<PublishedFlow> {
    const { rows } = await this.pool.query<{ id: string; revision: number; enabled: boolean }>(
      'select id, revision, enabled from flow where tenant_id = $1 and name = $2',
      [tenantId, name],
    );
    const [row] = rows;
    if (!row) throw flowErrors['not-found']({ name });
    if (!row.enabled) throw flowErrors.disabled({ name });
    return { flowId: row.id, tenantId, revision: row.revision, flow: await this.compiled(row.id, row.revision) };
  }

  async #look(): Promise<void> {
    const { rows: times } = await this.pool.query<{ now: Date }>('select clock_timestamp() as now');
    const { rows } = await this.pool.query<ChangedRow>('select id, enabled, revision from flow where updated_at >= $1', [this.#since]);
    const changed = rows.filter(({ id, revision, enabled }) => this.#revisions.get(id) !== versionOf(revision, enabled));
    for (const { id, revision } of changed.filter(({ enabled }) => !enabled)) {
      this.index.remove(id);
      this.#revisions.set(id, versionOf(revision, false));
    }
    const wanted = changed.filter(({ enabled }) => enabled).map(({ id }) => id);
    for (let at = 0; at < wanted.length; at += PAGE) {
      const { rows: texts } = await this.pool.query<TextRow>(READ_TEXTS, [wanted.slice(at, at + PAGE)]);
      for (const row of texts) this.#take(row);
    }
    this.#since = new Date((times[0] ? new Date(times[0].now) : this.clock.now()).getTime() - OVERLAP_MS);
  }

  #take({ id, tenant_id: tenantId, name, revision, source, routes, time_zone: timeZone }: TextRow): void {
    const key = `${id}/${revision}`;
    const compiled = () => this.#cached(key) ?? this.#compileSafely(id, key, source, timeZone);
    this.#unreadable.delete(id);
    this.#revisions.set(id, versionOf(revision, true));
    const flow = readRoutes(routes) ? undefined : compiled();
    const known = readRoutes(routes) ?? (flow && routesOf(flow));
    if (known) this.index.put({ flowId: id, tenantId, revision, name, routes: known, compiled });
    else this.index.remove(id);
  }

  #cached(key: string): CompiledFlow | undefined {
    const flow = this.#compiled.get(key);
    if (flow && this.#compiled.size >= KEPT / 2) {
      // Moves it to the young end: the oldest is thrown out first.
      this.#compiled.delete(key);
      this.#compiled.set(key, flow);
    }
    return flow;
  }

  /** A flow that can no longer be read starts nothing, and keeps no other from starting. */
  #compileSafely(flowId: string, key: string, source: string, timeZone: string): CompiledFlow | undefined {
    if (this.#unreadable.has(flowId)) return undefined;
    try {
      return this.#compile(key, source, timeZone);
    } catch (error) {
      this.#unreadable.set(flowId, error);
      this.#log.error({ flow: flowId, error }, 'A published flow can no longer be read and starts nothing');
      return undefined;
    }
  }

  #compile(key: string, source: string, timeZone: string): CompiledFlow {
    const flow = compileSource(source, this.vocabulary.general(), timeZone);
    const oldest = this.#compiled.size >= KEPT ? this.#compiled.keys().next().value : undefined;
    if (oldest !== undefined) this.#compiled.delete(oldest);
    this.#compiled.set(key, flow);
    return flow;
  }
}

const READ_TEXTS = `
select f.id, f.tenant_id, f.name, f.revision, r.source, r.routes, t.time_zone
from flow f join flow_revision r on r.flow_id = f.id and r.revision = f.revision join tenant t on t.id = f.tenant_id
where f.id = any($1::uuid[]) and f.enabled`;

function versionOf(revision: number, enabled: boolean): string {
  return `${revision}/${enabled}`;
}
