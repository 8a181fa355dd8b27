/**
 * Live events: one reader per process follows the end of the log and hands each event to those who watch its tenant.
 *
 * Idle: nobody watches and nothing is read. Following: woken by the hint of this process and every 250 ms for the events of
 * others, it reads what was recorded for the tenants that are watched. A watcher that comes back with a position first gets
 * what it missed, page by page, while the reader keeps the new ones for it (at most 1,000, then it has to come back again).
 */
import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { OnEvent } from '@nestjs/event-emitter';
import { EVENTS_RECORDED } from './event-hints.ts';
import { EventReader } from './event-reader.ts';
import type { DomainEvent } from './event.ts';
import { WakeUp } from '../platform/wake-up.ts';

/** Which events a watcher wants; empty means all. */
export interface Watch {
  readonly tenantId: string;
  readonly types: ReadonlySet<string>;
  readonly subject: string | undefined;
  /** The last event that it has seen; without it, it begins with the next that is recorded. */
  readonly after: bigint | undefined;
}

/** Gets the events of a watch, in order, each once. */
export interface Watcher {
  /** Says `false` when it is gone and wants no more. */
  deliver(event: DomainEvent): boolean;
  /** It cannot be kept up with, and has to come back with the last position it saw. */
  tooSlow(): void;
}

interface Watching {
  readonly watch: Watch;
  readonly watcher: Watcher;
  /** What was recorded while it still gets what it missed. */
  kept: DomainEvent[] | undefined;
  seen: bigint;
}

const POLL_MS = 250;
const AFTER_FAILURE_MS = 1_000;
const PAGE = 500;
const MOST_KEPT = 1_000;

@Injectable()
export class LiveEvents implements OnModuleDestroy {
  readonly #log = new Logger('events');
  readonly #watching = new Set<Watching>();
  readonly #wakeUp = new WakeUp();
  /** Where the reader stands; set while it runs. */
  #position: Promise<bigint> | undefined;
  #running: Promise<void> | undefined;

  constructor(private readonly reader: EventReader) {}

  /** Begins to deliver; `stopped` ends it. Resolves when the watcher has got what it missed. */
  async watch(watch: Watch, watcher: Watcher, stopped: AbortSignal): Promise<void> {
    const watching: Watching = { watch, watcher, kept: [], seen: watch.after ?? -1n };
    this.#watching.add(watching);
    stopped.addEventListener('abort', () => this.#forget(watching), { once: true });
    try {
      this.#follow();
      // The reader's own beginning comes first, so that no event lies between it and the end that is asked for here.
      await this.#position;
      if (watch.after === undefined) watching.seen = await this.reader.end();
      else await this.#catchUp(watching);
      for (const event of watching.kept ?? []) this.#offer(watching, event);
      watching.kept = undefined;
    } catch (error) {
      this.#forget(watching);
      throw error;
    }
  }

  @OnEvent(EVENTS_RECORDED)
  wake(): void {
    if (this.#running) this.#wakeUp.wake();
  }

  async onModuleDestroy(): Promise<void> {
    this.#watching.clear();
    this.#wakeUp.wake();
    await this.#running;
  }

  async #catchUp(watching: Watching): Promise<void> {
    const { tenantId, subject, types } = watching.watch;
    const filter = { ...(subject !== undefined && { subject }), ...(types.size === 1 && { type: [...types][0] ?? '' }) };
    for (let full = true; full && this.#watching.has(watching);) {
      const page = await this.reader.list(tenantId, filter, { after: watching.seen, limit: PAGE });
      for (const event of page) this.#offer(watching, event);
      full = page.length === PAGE;
    }
  }

  /** Starts the reader, when it does not run. It ends by itself when nobody watches any more. */
  #follow(): void {
    if (this.#running) return;
    this.#position = this.reader.end();
    this.#running = this.#readOn(this.#position).finally(() => {
      this.#running = undefined;
      this.#position = undefined;
      if (this.#watching.size > 0) this.#follow();
    });
  }

  async #readOn(start: Promise<bigint>): Promise<void> {
    let position = await start.catch(() => this.#wakeUp.wait(AFTER_FAILURE_MS).then(() => undefined));
    while (position !== undefined && this.#watching.size > 0) {
      try {
        const { events, upTo } = await this.reader.tail(this.#tenants(), position, PAGE);
        for (const event of events) this.#handOut(event);
        position = upTo;
        if (events.length < PAGE) await this.#wakeUp.wait(POLL_MS);
      } catch (error) {
        this.#log.warn(`Live events are behind: ${error instanceof Error ? error.message : 'unknown'}`);
        await this.#wakeUp.wait(AFTER_FAILURE_MS);
      }
    }
  }

  #tenants(): string[] {
    return [...new Set([...this.#watching].map(({ watch }) => watch.tenantId))];
  }

  #handOut(event: DomainEvent): void {
    for (const watching of this.#watching) {
      if (watching.watch.tenantId !== event.tenantId) continue;
      if (!watching.kept) this.#offer(watching, event);
      else if (watching.kept.push(event) > MOST_KEPT) {
        this.#forget(watching);
        watching.watcher.tooSlow();
      }
    }
  }

  #offer(watching: Watching, event: DomainEvent): void {
    if (event.seq <= watching.seen || !this.#watching.has(watching)) return;
    watching.seen = event.seq;
    const { types, subject } = watching.watch;
    if ((types.size > 0 && !types.has(event.type)) || (subject !== undefined && subject !== event.subject)) return;
    if (!watching.watcher.deliver(event)) this.#forget(watching);
  }

  #forget(watching: Watching): void {
    this.#watching.delete(watching);
    if (this.#watching.size === 0) this.#wakeUp.wake();
  }
}
