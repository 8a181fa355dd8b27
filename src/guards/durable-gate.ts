/** The {@link Gate} over the database: switches, then the pace of the connection, then caps and facts. */
import { createHmac } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { failed, ok } from '@kassaflow/plugin-sdk';
import type { Clock } from '../kernel/clock.ts';
import { idOf } from '../kernel/ids.ts';
import { CLOCK } from '../platform/clock.ts';
import { EnginePool } from '../platform/database/engine-pool.ts';
import { Sealer } from '../platform/secrets/sealer.ts';
import type { ActionManifest } from '../plugin-host/action-call.ts';
import { ConnectionPaces } from '../plugin-host/connection-paces.ts';
import { Connections } from '../plugin-host/connections/connections.ts';
import { CapAlerts } from './cap-alerts.ts';
import { budgetWithoutAmount, countersOf, type Counter } from './counters.ts';
import { factOf } from './fact.ts';
import { Gate, type GuardedCall, type Settlement, type Verdict } from './gate.ts';
import { GuardBook, type ActiveSwitch } from './guard-book.ts';
import { ParkedSteps } from './parked-steps.ts';
import { Reservations, type CounterUse, type Reserved } from './reservations.ts';
import { untilAnswered } from './statement-batch.ts';
import { windowAt, type Window } from './window.ts';

/** When a step asks again whose message another run is about to send. */
const HELD_MS = 10_000;
/** Steps that were parked until the same moment come back over this time. */
const SPREAD_MS = 30_000;
/** Half of SHA-256: no two values of a tenant meet. */
const KEY_BYTES = 16;
/** The output of a message that was sent is handed to whoever would send it again; a larger one is not kept. */
const MOST_VALUE = 4_096;

/** A call with what the guards found out about it. */
interface Known {
  readonly call: GuardedCall;
  readonly counters: readonly Counted[];
  readonly use: Buffer;
  readonly fact: Buffer | undefined;
  readonly version: number;
}

type Counted = Counter & { readonly key: Buffer; readonly window: Window };

/** The connection as switches and budgets name it. */
interface Via {
  readonly name: string | undefined;
  readonly plugin: string;
}

@Injectable()
export class DurableGate extends Gate {
  readonly #hashingKeys = new Map<string, Buffer>();
  readonly #zones = new Map<string, string>();

  constructor(
    private readonly book: GuardBook,
    private readonly reservations: Reservations,
    private readonly parked: ParkedSteps,
    private readonly alerts: CapAlerts,
    private readonly paces: ConnectionPaces,
    private readonly connections: Connections,
    private readonly sealer: Sealer,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(EnginePool) private readonly pool: Pick<EnginePool, 'query'>,
  ) {
    super();
  }

  override watches(tenantId: string, { guards }: ActionManifest, connectionId: string | undefined): boolean {
    return (
      guards !== undefined ||
      this.book.switchesOf(tenantId) !== undefined ||
      this.book.rulesOf(tenantId).rules.budgets.length > 0 ||
      (connectionId !== undefined && this.paces.isCrowded(connectionId))
    );
  }

  override async admit(call: GuardedCall): Promise<Verdict> {
    const via = await this.#viaOf(call);
    for (;;) {
      const stopping = this.book.switchesOf(call.tenantId)?.find((one) => stops(one, call, via));
      if (!stopping) break;
      if (await this.parked.add({ ...call, by: { switchId: stopping.id } })) return parkedBy(stopping);
      await untilAnswered(() => this.book.refresh());
    }
    // Whoever comes back has stood in line, and would stand at its end once more.
    const pace = call.connectionId === undefined || call.returning ? undefined : await this.paces.placeInLine(call.connectionId);
    if (pace !== undefined)
      return { kind: 'park', message: `The connection ${via.name ?? ''} has more calls to make than its pace allows.`, until: pace };
    const { rules } = this.book.rulesOf(call.tenantId);
    const budget = budgetWithoutAmount(call, rules, via.name);
    if (budget) {
      const message = `The budget ${budget.name} counts money, so ${call.manifest.name} has to say its amount.`;
      return { kind: 'settled', outcome: failed('input', message, { code: 'guard.amount-missing' }) };
    }
    const known = await this.#know(call, via.name);
    if (known.counters.length === 0 && known.fact === undefined) return { kind: 'go' };
    const counters = known.counters.map(counterUse);
    return this.#verdictOf(known, await this.reservations.reserve({ ...call, use: known.use, fact: known.fact, counters }));
  }

  override settles({ guards }: ActionManifest): boolean {
    return guards !== undefined;
  }

  override async settle(call: GuardedCall, settlement: Settlement): Promise<void> {
    const via = await this.#viaOf(call);
    const { use, fact, counters } = await this.#know(call, via.name);
    const sent = settlement.kind === 'done';
    const back = sent ? [] : counters.filter(({ givesBack }) => givesBack).map(({ key }) => key);
    if (fact === undefined && back.length === 0) return;
    const { reference = '', value = {} } = sent ? settlement : {};
    const kept = JSON.stringify(value).length > MOST_VALUE ? {} : value;
    const { tenantId, runId, step } = call;
    await this.reservations.settle({ tenantId, runId, step, use, fact, sent, reference, value: kept, back });
  }

  override proceeded(runId: string, step: string): void {
    // Should it fail, whoever wakes parked steps finds the row, and that the step has gone on.
    this.parked.remove({ runId, step }).catch(() => undefined);
  }

  async #verdictOf(known: Known, reserved: Reserved): Promise<Verdict> {
    switch (reserved.kind) {
      case 'go':
        return reserved;
      case 'sent':
        return {
          kind: 'settled',
          outcome: ok({ ...reserved.value, alreadySent: true, sentBy: idOf('run', reserved.run) }, reserved.reference),
        };
      case 'held': {
        const message = `The same message is under way in ${idOf('run', reserved.run)}.`;
        return { kind: 'park', message, until: this.#now() + HELD_MS };
      }
      case 'full':
        return this.#full(known, reserved);
    }
  }

  async #full({ call, counters, version }: Known, { counter, oldest }: Extract<Reserved, { kind: 'full' }>): Promise<Verdict> {
    const full = counters[counter];
    if (!full) throw new TypeError('DurableGate: the database named a counter that was not asked for');
    const { guard, label, cap, window, key, whenReached } = full;
    const { tenantId, flow, manifest } = call;
    const frees = window.freesAt(oldest ?? window.bucket);
    await this.alerts.say({ tenantId, guard, label, cap, key, window: window.bucket, frees, flow, action: manifest.name });
    const message = `The cap of ${cap} for ${label} is reached; it frees at ${new Date(frees).toISOString()}.`;
    if (whenReached === 'stop') return { kind: 'settled', outcome: failed('permanent', message, { code: `guard.${guard}` }) };
    const holds = await this.parked.add({ ...call, by: { settingsVersion: version } });
    // The settings have changed just now: it asks again at once.
    if (!holds) return { kind: 'park', message, until: this.#now() };
    return { kind: 'park', message, until: frees + Math.round(Math.random() * SPREAD_MS) };
  }

  async #know(call: GuardedCall, connection: string | undefined): Promise<Known> {
    const { tenantId } = call;
    const { rules, version } = this.book.rulesOf(tenantId);
    const counters = countersOf(call, rules, connection);
    const fact = factOf(call);
    const use = Buffer.from(call.use, 'base64url').subarray(0, KEY_BYTES);
    if (counters.length === 0 && fact === undefined) return { call, counters: [], use, fact: undefined, version };
    const [hashing, zone] = [await this.#hashingKey(tenantId), await this.#zoneOf(tenantId)];
    const now = this.#now();
    return {
      call,
      counters: counters.map((counter) => ({ ...counter, key: keyed(hashing, counter.of), window: windowAt(counter.period, now, zone) })),
      use,
      fact: fact && keyed(hashing, fact),
      version,
    };
  }

  async #viaOf({ tenantId, connectionId, manifest }: GuardedCall): Promise<Via> {
    const connection =
      connectionId === undefined ? undefined : await untilAnswered(async () => this.connections.open(tenantId, connectionId));
    return { name: connection?.name, plugin: connection?.plugin ?? manifest.plugin };
  }

  async #hashingKey(tenantId: string): Promise<Buffer> {
    const key = this.#hashingKeys.get(tenantId) ?? (await untilAnswered(() => this.sealer.hashingKey(tenantId, 'guards')));
    remember(this.#hashingKeys, tenantId, key);
    return key;
  }

  async #zoneOf(tenantId: string): Promise<string> {
    const known = this.#zones.get(tenantId);
    if (known !== undefined) return known;
    const { rows } = await untilAnswered(() =>
      this.pool.query<{ time_zone: string }>('select time_zone from tenant where id = $1', [tenantId]),
    );
    const zone = rows[0]?.time_zone ?? 'UTC';
    remember(this.#zones, tenantId, zone);
    return zone;
  }

  #now(): number {
    return this.clock.now().getTime();
  }
}

/** Tenants whose key and zone are kept in memory. */
const MOST_TENANTS = 5_000;

function remember<T>(map: Map<string, T>, tenantId: string, value: T): void {
  if (map.size >= MOST_TENANTS && !map.has(tenantId)) map.clear();
  map.set(tenantId, value);
}

function stops({ level, target }: ActiveSwitch, { flow, manifest }: GuardedCall, via: Via): boolean {
  switch (level) {
    case 'tenant':
      return true;
    case 'flow':
      return target === flow;
    case 'action':
      return target === manifest.name;
    case 'connection':
      return target === via.name;
    case 'plugin':
      return target === via.plugin;
  }
}

function parkedBy({ level, target, reason }: ActiveSwitch): Verdict {
  const what = level === 'tenant' ? 'everything' : `the ${level} ${target}`;
  return { kind: 'park', message: `A person has stopped ${what}${reason === '' ? '.' : `: ${reason}`}`, until: undefined };
}

function keyed(key: Buffer, parts: readonly string[]): Buffer {
  return createHmac('sha256', key).update(JSON.stringify(parts)).digest().subarray(0, KEY_BYTES);
}

function counterUse({ key, window: { from, bucket, expires }, amount, cap }: Counted): CounterUse {
  return { key, from, bucket, expires, amount, cap };
}
