/**
 * The flows of all tenants as this process knows them: keeps the trigger index up to date and hands compiled revisions to
 * the engine.
 *
 * A publication in this process is seen at once (`refresh`), one in another within the poll of half a second. Only rows
 * changed since the last look are read; the look goes back a minute, because a transaction's rows become visible when it
 * commits and not when it wrote their time. A revision in memory is never read again: revisions do not change.
 */
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { Clock } from '../kernel/clock.ts';
import { CLOCK } from '../platform/clock.ts';
import { EnginePool } from '../platform/database/engine-pool.ts';
import { flowErrors } from './flow-errors.ts';
import { FlowCatalogue } from './flow-catalogue.ts';
import { FlowVocabulary } from './flow-vocabulary.ts';
import type { CompiledFlow } from './language/compiled-flow.ts';
import { compileSource } from './language/compile.ts';
import { TriggerIndex, type PublishedFlow } from './trigger-index.ts';

const POLL_MS = 500;
const OVERLAP_MS = 60_000;
/** Compiled revisions kept; one of a usual flow takes about 50 kB. */
const KEPT = 2_000;

interface ChangedRow {
  readonly id: string;
  readonly tenant_id: string;
  readonly name: string;
  readonly enabled: boolean;
  readonly revision: number;
  readonly source: string;
}

@Injectable()
export class PublishedFlows extends FlowCatalogue implements OnApplicationShutdown {
  readonly #compiled = new Map<string, CompiledFlow>();
  readonly #revisions = new Map<string, string>();
  #since = new Date(0);
  #refreshing: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Why the last look failed. */
  #problem: unknown;
  readonly #unreadable = new Map<string, unknown>();
  #stopped = false;

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
    this.#schedule();
  }

  onApplicationShutdown(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#stopped = true;
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
    const key = `${flowId}/${revision}`;
    const flow = this.#compiled.get(key);
    if (flow && this.#compiled.size >= KEPT / 2) {
      // Moves it to the young end: the oldest is thrown out first.
      this.#compiled.delete(key);
      this.#compiled.set(key, flow);
    }
    return flow;
  }

  override async compiled(flowId: string, revision: number): Promise<CompiledFlow> {
    const known = this.cached(flowId, revision);
    if (known) return known;
    const { rows } = await this.pool.query<{ source: string }>('select source from flow_revision where flow_id = $1 and revision = $2', [
      flowId,
      revision,
    ]);
    const [row] = rows;
    if (!row) throw flowErrors['unknown-revision']({ flow: flowId, revision });
    return this.#compile(flowId, revision, row.source);
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
    const { rows } = await this.pool.query<ChangedRow>(
      'select f.id, f.tenant_id, f.name, f.enabled, f.revision, r.source from flow f join flow_revision r on r.flow_id = f.id and r.revision = f.revision where f.updated_at >= $1',
      [this.#since],
    );
    for (const row of rows) this.#takeSafely(row);
    this.#since = new Date((times[0] ? new Date(times[0].now) : this.clock.now()).getTime() - OVERLAP_MS);
  }

  /** A flow that can no longer be read starts nothing, and keeps no other from starting. */
  #takeSafely(row: ChangedRow): void {
    try {
      this.#take(row);
      this.#unreadable.delete(row.id);
    } catch (error) {
      this.index.remove(row.id);
      this.#unreadable.set(row.id, error);
    }
  }

  #take(row: ChangedRow): void {
    const version = `${row.revision}/${row.enabled}`;
    if (this.#revisions.get(row.id) === version) return;
    if (row.enabled)
      this.index.put({
        flowId: row.id,
        tenantId: row.tenant_id,
        revision: row.revision,
        flow: this.cached(row.id, row.revision) ?? this.#compile(row.id, row.revision, row.source),
      });
    else this.index.remove(row.id);
    this.#revisions.set(row.id, version);
  }

  #compile(flowId: string, revision: number, source: string): CompiledFlow {
    const flow = compileSource(source, this.vocabulary.general());
    const oldest = this.#compiled.size >= KEPT ? this.#compiled.keys().next().value : undefined;
    if (oldest !== undefined) this.#compiled.delete(oldest);
    this.#compiled.set(`${flowId}/${revision}`, flow);
    return flow;
  }

  #schedule(): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.refresh()
        .catch((error: unknown) => (this.#problem = error))
        .finally(() => this.#schedule());
    }, POLL_MS);
    this.#timer.unref();
  }
}
