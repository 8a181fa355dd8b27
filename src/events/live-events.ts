/**
 * Live events: one reader per process follows the end of the log and hands each event to those who watch what it is about.
 *
 * Idle: nobody watches and nothing is read. Following: woken by the hint of this process and every 25 ms for the events of
 * others, it reads what was recorded for the tenants that are watched. After a hint it looks a few times more often, because an
 * event is only final once every transaction that began before it has ended.
 *
 * A tenant joins between two readings, at a position that is remembered: from there on nothing of it is missed. A watcher is at
 * first kept waiting: what happens meanwhile is kept for it (at most 1,000 events, then it has to come back). Once it begins, it
 * gets what it missed, from the last events that the reader has handed out or, further back, page by page from the log; then what
 * was kept; then what comes. Every watcher gets each event at most once and in order.
 */
import { setImmediate as letOthersWork } from 'node:timers/promises';
import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { OnEvent } from '@nestjs/event-emitter';
import { isAbout } from '../platform/auth/follower.ts';
import { WakeUp } from '../platform/wake-up.ts';
import { EVENTS_RECORDED } from './event-hints.ts';
import { EventReader } from './event-reader.ts';
import type { DomainEvent } from './event.ts';
import { RecentEvents } from './recent-events.ts';
import { Watchers, type About, type Indexed } from './watchers.ts';

/** Which events a watcher wants. */
export interface Watch {
  readonly tenantId: string;
  /** Short names; empty for all. */
  readonly types: ReadonlySet<string>;
  /** `undefined` for everything. */
  readonly about: readonly About[] | undefined;
  /**
   * The last event that it has seen; without it, it begins with what comes after {@link Watching.position}. So it does with one that this
   * log has not come to: it is of another, or of this one before a backup of it was restored, and would be waited for in silence.
   */
  readonly after: bigint | undefined;
}

/** Gets the events of a watch, in order, each once. */
export interface Watcher {
  /** Says `false` when it is gone and wants no more. */
  deliver(event: DomainEvent): boolean;
  /** It cannot be kept up with, and has to come back with the last position it saw. */
  tooSlow(): void;
}

/** A watcher that has been taken up. */
export interface Watching {
  /** Everything up to it was committed before, so a state that is read now has it. What comes after it is delivered. */
  readonly position: bigint;
  /** It goes on after {@link Watch.after}. */
  readonly goesOn: boolean;
  /** Delivers from now on, beginning with what was missed. Resolves when that has been delivered. */
  begin(): Promise<void>;
  stop(): void;
}

interface Entry extends Indexed {
  readonly watch: Watch;
  readonly watcher: Watcher;
  /** What was recorded while it does not get it yet. */
  kept: DomainEvent[] | undefined;
  seen: bigint;
}

interface Joining {
  readonly tenantId: string;
  readonly joined: (position: bigint) => void;
  readonly failed: (error: unknown) => void;
}

/** While anybody watches. A look that finds nothing costs about half a millisecond of processor time, so a fiftieth of a core. */
const POLL_MS = 25;
/** After a hint. */
const SOON_MS = 15;
const SOON_LOOKS = 6;
const AFTER_FAILURE_MS = 1_000;
const PAGE = 500;
const MOST_KEPT = 1_000;
/** Deliveries after which other work of the process gets its turn: writing to a thousand sockets takes some ten milliseconds. */
const DELIVERIES_AT_ONCE = 1_000;

@Injectable()
export class LiveEvents implements OnModuleDestroy {
  readonly #log = new Logger('events');
  readonly #watchers = new Watchers<Entry>();
  readonly #wakeUp = new WakeUp();
  readonly #recent = new RecentEvents();
  /** Where the reader was when it began to read a tenant's events. */
  readonly #since = new Map<string, bigint>();
  #joining: Joining[] = [];
  /** Everything of the tenants that have joined was handed out up to here. */
  #position = 0n;
  #running: Promise<void> | undefined;
  #soonLooks = 0;

  constructor(private readonly reader: EventReader) {}

  /** Takes a watcher up. Nothing is delivered before {@link Watching.begin}. */
  async watch(watch: Watch, watcher: Watcher): Promise<Watching> {
    const { tenantId, about, after } = watch;
    const entry: Entry = { tenantId, about, watch, watcher, kept: [], seen: after ?? -1n };
    this.#watchers.add(entry);
    try {
      const position = await this.#join(tenantId);
      // Another process may be further than this one, but none is further than the log.
      const goesOn = after !== undefined && (after <= position || after <= (await this.reader.end()));
      if (!goesOn) entry.seen = position;
      return { position, goesOn, begin: () => this.#begin(entry, goesOn), stop: () => this.#forget(entry) };
    } catch (error) {
      this.#forget(entry);
      throw error;
    }
  }

  @OnEvent(EVENTS_RECORDED)
  wake(): void {
    if (!this.#running) return;
    this.#soonLooks = SOON_LOOKS;
    this.#wakeUp.wake();
  }

  async onModuleDestroy(): Promise<void> {
    this.#watchers.clear();
    this.#wakeUp.wake();
    await this.#running;
  }

  /** Resolves with the position from which on nothing of the tenant is missed. */
  #join(tenantId: string): Promise<bigint> {
    if (this.#since.has(tenantId)) return Promise.resolve(this.#position);
    return new Promise((joined, failed) => {
      this.#joining.push({ tenantId, joined, failed });
      this.#wakeUp.wake();
      this.#follow();
    });
  }

  async #begin(entry: Entry, goesOn: boolean): Promise<void> {
    const { tenantId, after } = entry.watch;
    try {
      if (goesOn && after !== undefined) {
        const missed = this.#recent.since(after, tenantId, this.#since.get(tenantId));
        if (missed) for (const event of missed) this.#offer(entry, event);
        else await this.#catchUp(entry);
      }
      for (const event of entry.kept ?? []) this.#offer(entry, event);
      entry.kept = undefined;
    } catch (error) {
      this.#forget(entry);
      throw error;
    }
  }

  async #catchUp(entry: Entry): Promise<void> {
    const { tenantId, about, types } = entry.watch;
    const filter = { ...(about && { about }), ...(types.size === 1 && { type: [...types][0] ?? '' }) };
    for (let full = true; full && entry.kept;) {
      const page = await this.reader.list(tenantId, filter, { after: entry.seen, limit: PAGE });
      for (const event of page) this.#offer(entry, event);
      full = page.length === PAGE;
    }
  }

  /** Starts the reader, when it does not run. It ends by itself when nobody watches any more. */
  #follow(): void {
    this.#running ??= this.#readOn().finally(() => {
      this.#running = undefined;
      if (this.#watchers.size > 0) this.#follow();
    });
  }

  async #readOn(): Promise<void> {
    try {
      this.#position = await this.reader.end();
      this.#recent.clear(this.#position);
    } catch (error) {
      for (const { failed } of this.#joining.splice(0)) failed(error);
      return;
    }
    while (this.#watchers.size > 0) {
      this.#takeUpTenants();
      try {
        if (!(await this.#lookFurther())) await this.#wakeUp.wait(this.#pause());
      } catch (error) {
        this.#log.warn(`Live events are behind: ${error instanceof Error ? error.message : 'unknown'}`);
        await this.#wakeUp.wait(AFTER_FAILURE_MS);
      }
    }
    // In the same breath as the last look: whoever comes now joins anew.
    this.#since.clear();
    this.#recent.clear();
  }

  /** Hands out the next events, if there are any. Tells whether there may be more. */
  async #lookFurther(): Promise<boolean> {
    // While the end of the log stands still nothing has become final; most looks of an idle system are no more than this question.
    if ((await this.reader.end()) <= this.#position) return false;
    const { events, upTo } = await this.reader.tail([...this.#since.keys()], this.#position, PAGE);
    await this.#handOut(events);
    this.#position = upTo;
    return events.length === PAGE;
  }

  #pause(): number {
    if (this.#soonLooks === 0) return POLL_MS;
    this.#soonLooks -= 1;
    return SOON_MS;
  }

  /** Between two readings, so that the next begins exactly where a new tenant was told that it joins. */
  #takeUpTenants(): void {
    const watched = new Set(this.#watchers.tenants());
    for (const tenantId of this.#since.keys()) if (!watched.has(tenantId)) this.#since.delete(tenantId);
    for (const tenantId of watched) if (!this.#since.has(tenantId)) this.#since.set(tenantId, this.#position);
    for (const { joined } of this.#joining.splice(0)) joined(this.#position);
  }

  async #handOut(events: readonly DomainEvent[]): Promise<void> {
    let deliveries = 0;
    for (const event of events) {
      this.#recent.add(event);
      for (const entry of this.#watchers.of(event)) {
        deliveries += 1;
        if (!entry.kept) this.#offer(entry, event);
        else if (entry.kept.push(event) > MOST_KEPT) {
          this.#forget(entry);
          entry.watcher.tooSlow();
        }
      }
      // Event by event: a watcher that is taken up while others work begins after what it was not given.
      this.#position = event.seq;
      if (deliveries >= DELIVERIES_AT_ONCE) {
        deliveries = 0;
        await letOthersWork();
      }
    }
  }

  #offer(entry: Entry, event: DomainEvent): void {
    if (event.seq <= entry.seen || entry.seen === GONE) return;
    entry.seen = event.seq;
    const { types, about } = entry.watch;
    if ((types.size > 0 && !types.has(event.type)) || !isAbout(about, event.subject)) return;
    if (!entry.watcher.deliver(event)) this.#forget(entry);
  }

  #forget(entry: Entry): void {
    entry.kept = undefined;
    entry.seen = GONE;
    if (this.#watchers.delete(entry) && this.#watchers.size === 0) this.#wakeUp.wake();
  }
}

/** Further than any event: what is over is given nothing. */
const GONE = 2n ** 63n;
