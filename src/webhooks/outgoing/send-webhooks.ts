import { Inject, Injectable } from '@nestjs/common';
import { OnEvent } from '@nestjs/event-emitter';
import { EVENTS_RECORDED } from '../../events/event-hints.ts';
import { EventReader } from '../../events/event-reader.ts';
import type { Clock } from '../../kernel/clock.ts';
import { idOf } from '../../kernel/ids.ts';
import { CLOCK } from '../../platform/clock.ts';
import { Config } from '../../platform/config/config.ts';
import { crashPoint } from '../../platform/crash-points.ts';
import { EnginePool } from '../../platform/database/engine-pool.ts';
import { underLease } from '../../platform/lease.ts';
import { Metrics } from '../../platform/observability/metrics.ts';
import { RegularWork } from '../../platform/regular-work.ts';
import { messageOf as messageOfThrown } from '../../platform/thrown.ts';
import { Deliveries, type SendVerdict, type TakenDelivery } from './deliveries.ts';
import { EndpointSecrets } from './endpoint-secrets.ts';
import { bodyOf, messageOf } from './message.ts';
import { QueueEvents } from './queue-events.ts';
import { pauseAfter, RESTS_AFTER } from './retry-schedule.ts';
import { SendMessage, type SendResult } from './send-message.ts';

/** Messages under way to one endpoint at once; to one that fails again and again, one. */
const AT_ONCE = 8;
/** Messages under way in all: one endpoint that answers slowly has its eight and no more. */
const MOST_AT_ONCE = 256;
/** How often it is looked when nobody wakes us: events of other processes, and pauses that end. */
const EVERY_MS = 1_000;
/** And in the second after a hint: a slow writer may still hold back what the hint was about. */
const BUSY_MS = 50;
const STAYS_BUSY_MS = 1_000;

interface DueEndpoint {
  readonly id: string;
  readonly tenant_id: string;
  readonly failures: number;
  readonly news: boolean;
  readonly due: boolean;
}

/** Sends what is in the queues of endpoints. Several processes share the work; each endpoint has its own place in it. */
@Injectable()
export class SendWebhooks extends RegularWork<number> {
  readonly #stopped = new AbortController();
  /** How many messages are under way to each endpoint, from this process. */
  readonly #underWay = new Map<string, number>();
  readonly #sending = new Set<Promise<void>>();
  #busyUntil = 0;

  constructor(
    private readonly queueEvents: QueueEvents,
    private readonly deliveries: Deliveries,
    private readonly secrets: EndpointSecrets,
    private readonly messages: SendMessage,
    private readonly reader: EventReader,
    private readonly pool: EnginePool,
    private readonly metrics: Metrics,
    private readonly config: Config,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    super(config, { context: 'webhooks', everyMs: EVERY_MS, problem: 'webhooks to portals could not be sent' });
  }

  /** Messages under way are given up and sent again by the next process. */
  override async onModuleDestroy(): Promise<void> {
    this.#stopped.abort();
    await super.onModuleDestroy();
    await Promise.all(this.#sending);
  }

  /** Looks for work now. */
  @OnEvent(EVENTS_RECORDED)
  override wake(): void {
    this.#busyUntil = this.clock.elapsed() + STAYS_BUSY_MS;
    super.wake();
  }

  /** Queues and sends all that is due now. Resolves when nothing is left to do. For tests and tools that drive it by hand. */
  async sendDue(): Promise<number> {
    let total = 0;
    for (let begun = await this.sweep(); begun > 0; begun = await this.sweep()) {
      total += begun;
      await Promise.all(this.#sending);
    }
    return total;
  }

  protected override doDue(): Promise<number> {
    return this.sweep();
  }

  protected override pauseAfter(begun: number): number {
    if (begun > 0) return 0;
    return this.clock.elapsed() < this.#busyUntil ? BUSY_MS : EVERY_MS;
  }

  /** One look at all endpoints, one at a time. Begins to send and does not wait for it. Gives how much it has begun; 0 when there was nothing to do. */
  async sweep(): Promise<number> {
    const { rows } = await this.pool.query<DueEndpoint>(DUE, [this.clock.now()]);
    let begun = 0;
    for (const endpoint of rows) {
      if (this.#stopped.signal.aborted) break;
      // One page each, so that one with a long way to go does not keep the others waiting.
      if (endpoint.news && (await this.queueEvents.queue(endpoint.tenant_id, endpoint.id))) begun += 1;
      begun += await this.#begin(endpoint);
    }
    return begun;
  }

  async #begin({ id, tenant_id: tenantId, failures }: DueEndpoint): Promise<number> {
    const room = Math.min((failures >= RESTS_AFTER ? 1 : AT_ONCE) - this.#count(id), MOST_AT_ONCE - this.#sending.size);
    if (room <= 0) return 0;
    const taken = await this.deliveries.take(tenantId, id, this.clock.now(), room);
    for (const one of taken) {
      this.#underWay.set(id, this.#count(id) + 1);
      const sending = this.#send(tenantId, one)
        .catch((error: unknown) => this.log.error(`A webhook could not be sent: ${messageOfThrown(error)}`))
        .finally(() => {
          this.#sending.delete(sending);
          this.#underWay.set(id, this.#count(id) - 1);
          if (this.#count(id) === 0) this.#underWay.delete(id);
          super.wake();
        });
      this.#sending.add(sending);
    }
    return taken.length;
  }

  #count(endpointId: string): number {
    return this.#underWay.get(endpointId) ?? 0;
  }

  async #send(tenantId: string, taken: TakenDelivery): Promise<void> {
    const result = await underLease(
      () => this.deliveries.renew(tenantId, taken, this.clock.now()),
      () => this.#exchange(tenantId, taken),
    );
    const verdict = this.#verdictOf(taken, result);
    crashPoint('outgoing.sent.after');
    if (!(await this.deliveries.settle(tenantId, taken, verdict))) return;
    const isDead = verdict.result === 'failed' && verdict.againAt === null;
    this.metrics.webhooksSent.inc({ result: isDead ? 'dead' : verdict.result });
    const endpoint = idOf('whk', taken.endpointId);
    if (isDead)
      this.log.error({ message: 'a webhook was never taken', endpoint, delivery: idOf('whd', taken.id), problem: verdict.problem });
    if (verdict.result === 'gone') this.log.warn({ message: 'a webhook endpoint is disabled', endpoint, problem: verdict.problem });
  }

  async #exchange(tenantId: string, taken: TakenDelivery): Promise<SendResult> {
    const [event] = await this.reader.at(tenantId, [taken.seq]);
    if (!event) return { kind: 'failed', status: null, problem: FORGOTTEN, tookMs: 0, waitMs: 0 };
    const now = this.clock.now();
    const secrets = await this.secrets.signing(tenantId, taken.endpointId, now);
    crashPoint('outgoing.sent.before');
    const message = messageOf(idOf('evt', event.id), bodyOf(event, this.config.publicUrl), secrets, now);
    return this.messages.send(taken.url, message, this.#stopped.signal);
  }

  #verdictOf({ attempts, earlierAttempts }: TakenDelivery, { kind, status, problem, tookMs, waitMs }: SendResult): SendVerdict {
    const at = this.clock.now();
    const facts = { result: kind, at, tookMs, status, problem };
    if (kind === 'delivered') return { ...facts, againAt: null };
    // It goes on when the endpoint is made active again.
    if (kind === 'gone' || kind === 'interrupted') return { ...facts, againAt: at };
    const pause = problem === FORGOTTEN ? undefined : pauseAfter(attempts - earlierAttempts, Math.random(), waitMs);
    return { ...facts, againAt: pause === undefined ? null : new Date(at.getTime() + pause) };
  }
}

const FORGOTTEN = 'The event is not in the log any more';

/** Endpoints that have news in the log or deliveries that are due; each is found by the index, however long its queue is. */
const DUE = `
with horizon as materialized (select event_horizon() as seq), endpoint as (
  select e.id, e.tenant_id, e.failures,
    exists (select from event where event.tenant_id = e.tenant_id and event.seq > e.seq and event.seq < horizon.seq) as news,
    (e.held_until is null or e.held_until <= $1)
      and exists (select from webhook_delivery d where d.endpoint_id = e.id and d.next_at <= $1) as due
  from webhook_endpoint e, horizon where e.state = 'active'
)
select * from endpoint where news or due`;
