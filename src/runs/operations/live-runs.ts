/**
 * Runs, live. A run's log is its journal, not the event log, so one look a little more than twice a second asks how all runs that anybody
 * follows stand; runs that nobody follows cost nothing.
 *
 * Every message is the whole run, as `GET /v1/runs/{id}` gives it. Its id says how far the journal was: whoever comes back with it
 * and has missed nothing is told nothing.
 */
import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { uuidOf } from '../../kernel/ids.ts';
import { EnginePool } from '../../platform/database/engine-pool.ts';
import { SseStreams, type SseClient } from '../../platform/http/sse.ts';
import { Metrics } from '../../platform/observability/metrics.ts';
import { messageOf } from '../../platform/thrown.ts';
import { WakeUp } from '../../platform/wake-up.ts';
import { Runs } from './runs.service.ts';

interface Following {
  readonly tenantId: string;
  /** `run_…` */
  readonly id: string;
  readonly client: SseClient;
  /** How far the journal was that it was told of last. */
  mark: string;
}

const EVERY_MS = 400;
const AFTER_FAILURE_MS = 2_000;

const STANDING = `
select r.id, coalesce((select max(seq) from run_journal j where j.run_id = r.id), 0) || '.' || r.status as mark
from run r where r.id = any($1::uuid[])`;

@Injectable()
export class LiveRuns implements OnModuleDestroy {
  readonly #log = new Logger('runs');
  /** By the run's `uuid`. */
  readonly #following = new Map<string, Set<Following>>();
  readonly #wakeUp = new WakeUp();
  #running: Promise<void> | undefined;

  constructor(
    private readonly runs: Runs,
    private readonly pool: EnginePool,
    private readonly streams: SseStreams,
    private readonly metrics: Metrics,
  ) {}

  /** Turns `reply` into a stream of how the run stands. @throws runs.not-found, request.too-many-streams */
  async follow(reply: FastifyReply, tenantId: string, id: string, lastEventId = ''): Promise<void> {
    const uuid = uuidOf('run', id);
    await this.runs.get(tenantId, id);
    const client = this.streams.open(reply);
    const following: Following = { tenantId, id, client, mark: lastEventId };
    const all = this.#following.get(uuid) ?? new Set();
    this.#following.set(uuid, all.add(following));
    this.metrics.streamClients.inc();
    const over = (): void => {
      this.metrics.streamClients.dec();
      all.delete(following);
      if (all.size === 0) this.#following.delete(uuid);
    };
    if (client.signal.aborted) return over();
    client.signal.addEventListener('abort', over, { once: true });
    this.#running ??= this.#watch().finally(() => (this.#running = undefined));
    this.#wakeUp.wake();
  }

  async onModuleDestroy(): Promise<void> {
    this.#following.clear();
    this.#wakeUp.wake();
    await this.#running;
  }

  async #watch(): Promise<void> {
    while (this.#following.size > 0) {
      try {
        const { rows } = await this.pool.query<{ id: string; mark: string }>(STANDING, [[...this.#following.keys()]]);
        for (const { id, mark } of rows)
          for (const one of this.#following.get(id) ?? []) if (one.mark !== mark) await this.#tell(one, mark);
        await this.#wakeUp.wait(EVERY_MS);
      } catch (error) {
        this.#log.warn(`Runs cannot be followed: ${messageOf(error)}`);
        await this.#wakeUp.wait(AFTER_FAILURE_MS);
      }
    }
  }

  /** The run is read after its mark, so it is at least so far: what came in between is told again with the next. Never rejects. */
  async #tell(following: Following, mark: string): Promise<void> {
    try {
      const run = await this.runs.get(following.tenantId, following.id);
      following.mark = mark;
      following.client.send({ id: mark, event: 'state', data: { run } });
    } catch {
      following.client.end('come back with Last-Event-ID');
    }
  }
}
