import { randomUUID } from 'node:crypto';
import type { Context } from '../context.ts';
import { failed, unknown, type Outcome } from '../outcome.ts';
import type { CreatedPayment, CreatePayment, PaymentFacts, RefundResult } from '../payments.ts';
import type { Money } from '../schema.ts';
import type { RawWebhook } from '../webhook.ts';
import { lever, must, show, Unmet } from './finding.ts';
import type { ProductionDoor } from './production.ts';
import type { LocalProvider, PaymentLevers, Subject, WebhookLevers } from './subject.ts';
import { Wire } from './wire.ts';
import { wireContext } from './wire-context.ts';

/** How one call differs from an ordinary one. */
export interface CallOptions {
  readonly key?: string;
  readonly attempt?: number;
  readonly mode?: 'test' | 'live';
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly signal?: AbortSignal;
  /** How long the kit waits for an answer; longer is a finding. */
  readonly withinMs?: number;
}

/** A call that takes longer than this, at a provider on the same machine, does not end by itself. */
const CALL_MS = 4_000;

export const RETURN_URL = 'https://shop.example/return?order=7&back=%2Fcart';
export const CANCEL_URL = 'https://shop.example/cart?order=7';

/**
 * One test's world: the plugin, a provider of its own, and the wire between them.
 *
 * A call is settled as the host settles it: what the plugin throws becomes `unknown` when a request had left, `failed/temporary` when none had.
 * What was thrown is kept in {@link thrown}, because a test of its own looks at it.
 */
export class World {
  readonly subject: Subject;
  readonly provider: LocalProvider;
  readonly wire: Wire;
  readonly production: ProductionDoor | undefined;
  readonly mode: 'test' | 'live';
  /** Of this world alone: a token that a plugin keeps must not come from another world's provider. */
  readonly connection = `con_${randomUUID()}`;
  /** What the plugin threw instead of answering. */
  readonly thrown: unknown[] = [];
  /** What the plugin logged. */
  readonly logged: { readonly level: 'info' | 'warn'; readonly line: string }[] = [];
  readonly warnings: string[] = [];
  #count = 0;

  private constructor(subject: Subject, provider: LocalProvider, wire: Wire, { production, mode }: Pick<World, 'production' | 'mode'>) {
    this.subject = subject;
    this.provider = provider;
    this.wire = wire;
    this.production = production;
    this.mode = mode;
  }

  static async open(
    subject: Subject,
    { production, isLive = false }: { readonly production?: ProductionDoor | undefined; readonly isLive?: boolean } = {},
  ): Promise<World> {
    const startLive = isLive ? subject.startLive : undefined;
    const provider = await (startLive ?? subject.start)();
    const wire = new Wire(provider.origins, provider.tokenPath, provider.problem);
    await wire.open();
    return new World(subject, provider, wire, { production, mode: startLive ? 'live' : 'test' });
  }

  async close(): Promise<void> {
    await this.wire.close();
    await this.provider.close();
  }

  get plugin(): Subject['plugin'] {
    return this.subject.plugin;
  }

  get payments(): PaymentLevers {
    return lever(this.provider.payments, 'payments');
  }

  get webhooks(): WebhookLevers {
    return lever(this.provider.webhooks, 'webhooks');
  }

  /** The provider's present moment. */
  now(): number {
    return this.provider.now?.() ?? Date.now();
  }

  /** Says something that is worth reading and fails nothing. */
  warn(text: string): void {
    this.warnings.push(text);
  }

  context(options: CallOptions = {}, mayCallOut = true): Context {
    return wireContext(this.wire, {
      connection: this.connection,
      settings: options.settings ?? this.provider.settings,
      hosts: this.plugin.hosts,
      signal: options.signal ?? AbortSignal.timeout(CALL_MS),
      mayCallOut,
      now: () => this.now(),
      mode: options.mode ?? this.mode,
      log: (level, line) => this.logged.push({ level, line }),
      ...(options.key === undefined ? {} : { key: options.key }),
      ...(options.attempt === undefined ? {} : { attempt: options.attempt }),
    });
  }

  /** Calls a method of the plugin and settles it as the host would. @throws Unmet when no outcome comes */
  async call<T>(
    what: string,
    options: CallOptions,
    work: (context: Context) => Promise<Outcome<T>> | Outcome<T> | undefined,
  ): Promise<Outcome<T>> {
    const before = this.wire.sent.length;
    const outcome = await this.timed(what, options.withinMs ?? CALL_MS, async () => work(this.context(options))).catch(
      (error: unknown): Outcome<T> => {
        if (error instanceof Unmet) throw error;
        this.thrown.push(error);
        const message = `The plugin threw ${show(error)}`;
        return this.wire.sent.length > before && !READS.has(what) ? unknown(message) : failed('temporary', message);
      },
    );
    if (!isOutcome(outcome)) throw new Unmet('an outcome: ok, declined, failed or unknown', outcome, what);
    return outcome;
  }

  /** @throws Unmet when `work` takes longer than `ms` */
  async timed<T>(what: string, ms: number, work: () => Promise<T> | T): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Unmet(`an answer of ${what} within ${ms} ms`, 'none', what)), ms);
    });
    try {
      return await Promise.race([(async () => work())(), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** A reference that no other payment of this world has. */
  reference(): string {
    this.#count += 1;
    return `pay_0${this.#count}kit`;
  }

  order(more: Partial<CreatePayment> = {}): CreatePayment {
    return {
      reference: this.reference(),
      amount: { amount: '12.50', currency: 'EUR' },
      description: 'Order 7',
      returnUrl: RETURN_URL,
      cancelUrl: CANCEL_URL,
      webhookUrl: this.payments.webhookUrl,
      capture: 'automatic',
      ...this.payments.order,
      ...more,
    };
  }

  /** The currency that the kit's order is in. */
  get currency(): string {
    return this.order().amount.currency;
  }

  money(amount: string): Money {
    return { amount, currency: this.currency };
  }

  create(order: CreatePayment, options: CallOptions = {}): Promise<Outcome<CreatedPayment>> {
    return this.call('payments.create', { key: `${order.reference}:create:1`, ...options }, (context) =>
      this.plugin.payments?.create(context, order),
    );
  }

  fetch(providerId: string, options: CallOptions = {}): Promise<Outcome<PaymentFacts>> {
    return this.call('payments.fetch', options, (context) => this.plugin.payments?.fetch(context, { providerId }));
  }

  /** @param notBefore when the request that is looked for was first sent, at the earliest */
  find(reference: string, options: CallOptions = {}, notBefore = this.now() - 60_000): Promise<Outcome<CreatedPayment | undefined>> {
    return this.call('payments.find', options, (context) => this.plugin.payments?.find?.(context, { reference, notBefore }));
  }

  /** What `find` tells. Where payments are found by a report that lags (traits), “cannot tell yet” is an answer too. @throws Unmet */
  async findOrLater(reference: string): Promise<CreatedPayment | undefined | 'later'> {
    const outcome = await this.find(reference);
    const lags = this.plugin.payments?.traits?.findsByReport === true;
    if (!lags || outcome.kind !== 'failed' || outcome.reason !== 'temporary') return valueOf(outcome, 'payments.find');
    this.warn(`payments.find cannot tell yet: ${outcome.message}`);
    return 'later';
  }

  capture(providerId: string, amount: Money, key: string): Promise<Outcome<PaymentFacts>> {
    return this.call('payments.capture', { key }, (context) => this.plugin.payments?.capture?.(context, { providerId, amount }));
  }

  cancel(providerId: string, key: string): Promise<Outcome<PaymentFacts>> {
    return this.call('payments.cancel', { key }, (context) => this.plugin.payments?.cancel?.(context, { providerId }));
  }

  refund(providerId: string, reference: string, amount: Money, key = `${reference}:refund:1`): Promise<Outcome<RefundResult>> {
    return this.call('payments.refund', { key }, (context) => this.plugin.payments?.refund?.(context, { providerId, reference, amount }));
  }

  /** A payment that was created. @throws Unmet */
  async created(more: Partial<CreatePayment> = {}): Promise<CreatedPayment & { readonly reference: string }> {
    const order = this.order(more);
    const created = valueOf(await this.create(order), 'payments.create');
    return { ...created, reference: order.reference };
  }

  /** A payment whose money came: approved, and captured where the provider captures only when asked. @throws Unmet */
  async paid(more: Partial<CreatePayment> = {}): Promise<{ readonly providerId: string; readonly reference: string }> {
    const order = this.order(more);
    const { providerId } = valueOf(await this.create(order), 'payments.create');
    await this.approved(providerId, order);
    return { providerId, reference: order.reference };
  }

  /** Approves, and captures where the provider's traits say that it does so only when asked. */
  async approved(providerId: string, order: CreatePayment): Promise<void> {
    await this.payments.approve(providerId);
    if (this.plugin.payments?.traits?.capturesByRequest !== true || order.capture === 'manual') return;
    valueOf(await this.capture(providerId, order.amount, `${order.reference}:capture:1`), 'payments.capture');
  }

  /** @throws Unmet */
  async facts(providerId: string): Promise<PaymentFacts> {
    return valueOf(await this.fetch(providerId), 'payments.fetch');
  }

  /** What the plugin thinks of a delivery: in at most a second, and without calling out. */
  async verify(delivery: RawWebhook, settings: Readonly<Record<string, unknown>>, look = 'webhook.verify') {
    const webhook = lever(this.plugin.webhook, 'webhook');
    const asked = this.wire.sent.length;
    const verdict = await this.timed(look, 1_000, async () => webhook.verify(this.context({ settings }, false), delivery)).catch(
      (error: unknown) => {
        throw error instanceof Unmet ? error : new Unmet('a verdict', error, `${look}: it throws`);
      },
    );
    must(this.wire.sent.length === asked, 'no request while a signature is checked', this.wire.sent.at(-1)?.path, look);
    return verdict;
  }

  /** @throws Unmet when it throws */
  async translate(delivery: RawWebhook, settings = this.provider.settings) {
    const webhook = lever(this.plugin.webhook, 'webhook');
    return this.timed('webhook.translate', CALL_MS, async () => webhook.translate(this.context({ settings }), delivery)).catch(
      (error: unknown) => {
        throw error instanceof Unmet ? error : new Unmet('a list of signals', error, 'webhook.translate: it throws');
      },
    );
  }
}

/** The value of an outcome that must be `ok`. @throws Unmet */
export function valueOf<T>(outcome: Outcome<T>, look: string): T {
  must(outcome.kind === 'ok', 'ok', outcome, look);
  return outcome.value;
}

/** Whole minor units of an amount as the kit writes it. */
export function minorOf(amount: string): number {
  return Number(amount.replace('.', ''));
}

/** Calls that change nothing: after one that broke off, nothing can have happened. */
const READS: ReadonlySet<string> = new Set([
  'payments.fetch',
  'payments.find',
  'payments.methods',
  'payments.settlements',
  'accounting.find',
]);
const KINDS: readonly string[] = ['ok', 'declined', 'failed', 'unknown'];

function isOutcome<T>(value: Outcome<T> | undefined): value is Outcome<T> {
  return typeof value === 'object' && value !== null && KINDS.includes(String(value.kind));
}
