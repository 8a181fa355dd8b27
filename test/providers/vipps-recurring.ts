import { randomBytes, randomUUID } from 'node:crypto';
import type { VippsClock } from './vipps-clock.ts';
import type { PaymentHooks, SalesUnit } from './vipps-payments.ts';
import { amountOf, checkInterval, pricingOf, showAgreement, type VippsAgreement, type VippsCharge } from './vipps-recurring-objects.ts';
import { objectOf, textOf, VippsProblem, wholeOf, type Json } from './vipps-problem.ts';

const DAY_MS = 86_400_000;
const LIFE_MS = 10 * 60_000;
/** A charge shows in the app from 30 days before its day. */
const SHOWN_DAYS = 30;
/** The batches run in the morning. */
const BATCH = 'T08:00:00Z';
const DRAFT = [
  'pricing',
  'interval',
  'merchantRedirectUrl',
  'merchantAgreementUrl',
  'productName',
  'productDescription',
  'phoneNumber',
  'initialCharge',
  'campaign',
  'scope',
  'isApp',
  'skipLandingPage',
  'externalId',
  'countryCode',
];
const CHARGE = ['amount', 'description', 'due', 'retryDays', 'transactionType', 'type', 'orderId', 'externalId', 'processingMode'];

/** The Recurring API's agreements and charges: https://developer.vippsmobilepay.com/docs/APIs/recurring-api/. */
export class VippsRecurring {
  readonly #agreements = new Map<string, VippsAgreement>();
  readonly #charges = new Map<string, VippsCharge>();
  readonly #clock: VippsClock;
  readonly #unit: SalesUnit;
  readonly #hooks: PaymentHooks;
  /** Captures, cancellations and refunds are answered with 202 and done a minute later. */
  isSlow = false;

  constructor(clock: VippsClock, unit: SalesUnit, hooks: PaymentHooks) {
    this.#clock = clock;
    this.#unit = unit;
    this.#hooks = hooks;
  }

  draft(value: unknown, key: string): Json {
    const body = objectOf(value, '', DRAFT, ['pricing', 'merchantRedirectUrl', 'merchantAgreementUrl', 'productName']);
    textOf(body, 'productName', { most: 45 });
    for (const name of ['merchantRedirectUrl', 'merchantAgreementUrl']) textOf(body, name, { pattern: /^https:\/\/./ });
    if (body['productDescription'] !== undefined) textOf(body, 'productDescription', { most: 100 });
    if (body['externalId'] !== undefined) textOf(body, 'externalId', { most: 64 });
    if (body['phoneNumber'] !== undefined) textOf(body, 'phoneNumber', { pattern: /^\d{10,15}$/ });
    if (body['interval'] !== undefined) checkInterval(body['interval']);
    const { pricing, currency } = pricingOf(body['pricing'], this.#unit.currency);
    const initial =
      body['initialCharge'] === undefined
        ? undefined
        : objectOf(
            body['initialCharge'],
            'initialCharge',
            ['amount', 'description', 'transactionType', 'orderId', 'externalId'],
            ['amount', 'description', 'transactionType'],
          );
    const chargeId = initial && this.#chargeIdOf(initial);

    const agreement: VippsAgreement = {
      id: `agr_${randomBytes(5).toString('hex')}`,
      uuid: randomUUID(),
      token: randomUUID(),
      created: this.#clock.now(),
      currency,
      request: body,
      pricing,
      status: 'PENDING',
      start: undefined,
      stop: undefined,
      maxAmount: pricing.suggestedMaxAmount,
      initialCharge: chargeId,
      failure: undefined,
    };
    this.#agreements.set(agreement.id, agreement);
    if (initial && chargeId !== undefined) {
      const shape = { due: this.#clock.date().toISOString().slice(0, 10), retryDays: 0, type: 'INITIAL' as const };
      this.#store(agreement, chargeId, { ...initial, ...shape }, key);
    }
    this.#clock.at(agreement.created + LIFE_MS, () => this.#expire(agreement));
    return { agreementId: agreement.id, uuid: agreement.uuid, vippsConfirmationUrl: this.#urlOf(agreement), chargeId: chargeId ?? null };
  }

  agreement(id: string): VippsAgreement {
    return this.#agreements.get(id) ?? missing('Agreement');
  }

  agreementByToken(token: string): VippsAgreement | undefined {
    return [...this.#agreements.values()].find((agreement) => agreement.token === token);
  }

  showAgreement(agreement: VippsAgreement): Json {
    return showAgreement(agreement, this.#urlOf(agreement));
  }

  patch(id: string, value: unknown): void {
    const agreement = this.agreement(id);
    const body = objectOf(value, '', [
      'status',
      'productName',
      'productDescription',
      'merchantAgreementUrl',
      'externalId',
      'pricing',
      'interval',
    ]);
    if (body['status'] === undefined || Object.keys(body).length > 1 || body['status'] !== 'STOPPED')
      throw new VippsProblem(400, 'Bad Request', { field: 'status', reason: 'must be STOPPED, alone' });
    if (agreement.status === 'STOPPED') return;
    if (agreement.status !== 'ACTIVE') throw new VippsProblem(400, `Cannot stop an agreement that is ${agreement.status}`);
    this.stop(id, 'MERCHANT');
  }

  /** The customer accepts; a first charge is processed at once, and without its money there is no agreement. */
  accept(id: string): void {
    const agreement = this.agreement(id);
    if (agreement.status !== 'PENDING') throw new VippsProblem(400, `Cannot accept an agreement that is ${agreement.status}`);
    const charge = agreement.initialCharge === undefined ? undefined : this.charge(agreement.id, agreement.initialCharge);
    if (charge && agreement.failure !== undefined) {
      this.#fail(charge, agreement.failure);
      return this.#expire(agreement);
    }
    Object.assign(agreement, { status: 'ACTIVE', start: this.#clock.now() });
    this.#tell(agreement, 'activated', 'USER');
    if (charge) this.#succeed(charge);
  }

  reject(id: string): void {
    const agreement = this.agreement(id);
    if (agreement.status !== 'PENDING') return;
    agreement.status = 'STOPPED';
    this.#cancelAll(agreement, ['PENDING']);
    this.#tell(agreement, 'rejected', 'USER');
  }

  /** When the customer stops it, what is reserved stays so; a merchant's stop releases that too. */
  stop(id: string, actor: 'MERCHANT' | 'USER' | 'ADMIN'): void {
    const agreement = this.agreement(id);
    Object.assign(agreement, { status: 'STOPPED', stop: this.#clock.now() });
    this.#cancelAll(agreement, actor === 'MERCHANT' ? ['PENDING', 'DUE', 'RESERVED'] : ['PENDING', 'DUE']);
    this.#tell(agreement, 'stopped', actor);
  }

  createCharge(agreementId: string, value: unknown, key: string): Json {
    const agreement = this.agreement(agreementId);
    const body = objectOf(value, '', CHARGE, ['amount', 'description', 'due', 'retryDays', 'transactionType']);
    const amount = wholeOf(body, 'amount', agreement.currency === 'NOK' ? 100 : 1);
    textOf(body, 'description', { most: 45 });
    wholeOf(body, 'retryDays', 0, 14);
    textOf(body, 'transactionType', { pattern: /^(DIRECT|RESERVE)_CAPTURE$/ });
    if (body['type'] !== undefined) textOf(body, 'type', { pattern: /^RECURRING$/ });
    const due = Date.parse(`${textOf(body, 'due', { pattern: /^\d{4}-\d{2}-\d{2}$/ })}T00:00:00Z`);
    const today = Date.parse(`${this.#clock.date().toISOString().slice(0, 10)}T00:00:00Z`);
    if (Number.isNaN(due) || due < today + DAY_MS || due > today + 730 * DAY_MS)
      throw new VippsProblem(400, 'Bad Request', { field: 'due', reason: 'must be at least one day ahead' });
    if (agreement.status !== 'ACTIVE') throw new VippsProblem(400, 'Cannot create a charge for an agreement which is not active');
    const { type, suggestedMaxAmount = 0, amount: price = 0 } = agreement.pricing;
    if (type === 'VARIABLE' && amount > Math.max(suggestedMaxAmount, agreement.maxAmount ?? 0))
      throw new VippsProblem(400, 'Bad Request', { field: 'amount', reason: 'is above the maximum' });
    if (type === 'LEGACY' && amount > 5 * price) throw new VippsProblem(400, 'Amount too high for the agreement', { code: 70001 });
    const charge = this.#store(agreement, this.#chargeIdOf(body), body, key);
    if (due - SHOWN_DAYS * DAY_MS <= this.#clock.now()) charge.status = 'DUE';
    else this.#clock.at(due - SHOWN_DAYS * DAY_MS, () => void (charge.status === 'PENDING' && (charge.status = 'DUE')));
    this.#clock.at(Date.parse(`${charge.due}${BATCH}`), () => this.#process(charge));
    return { chargeId: charge.id };
  }

  charge(agreementId: string, id: string): VippsCharge {
    const charge = this.chargeById(id);
    return charge.agreementId === agreementId ? charge : missing('Charge');
  }

  chargeById(id: string): VippsCharge {
    return this.#charges.get(id) ?? missing('Charge');
  }

  /** @returns the status of the answer: 204 done, 202 later */
  capture(agreementId: string, id: string, value: unknown, key: string): 202 | 204 {
    const charge = this.charge(agreementId, id);
    const amount = amountOf(value);
    if (charge.status !== 'RESERVED' && charge.status !== 'PARTIALLY_CAPTURED')
      throw new VippsProblem(400, `Cannot capture a charge that is ${charge.status}`);
    if (amount > charge.amount - charge.captured - charge.cancelled)
      throw new VippsProblem(400, 'Bad Request', { field: 'amount', reason: 'is more than what is reserved' });
    return this.#soon(() => {
      charge.captured += amount;
      charge.status = charge.captured === charge.amount ? 'CHARGED' : 'PARTIALLY_CAPTURED';
      this.#note(charge, 'CAPTURE', amount, key);
      this.#tellCharge(charge, 'captured');
      this.#book(charge, 'capture', amount);
    });
  }

  cancel(agreementId: string, id: string, key: string): 202 | 204 {
    const charge = this.charge(agreementId, id);
    if (!['PENDING', 'DUE', 'RESERVED', 'PARTIALLY_CAPTURED'].includes(charge.status))
      throw new VippsProblem(400, `Cannot cancel a charge that is ${charge.status}`);
    return this.#soon(() => this.#cancel(charge, key));
  }

  refund(agreementId: string, id: string, value: unknown, key: string): 202 | 204 {
    const charge = this.charge(agreementId, id);
    const amount = amountOf(value);
    if (charge.captured === 0) throw new VippsProblem(400, `Cannot refund a charge that is ${charge.status}`);
    if (amount > charge.captured - charge.refunded)
      throw new VippsProblem(400, 'Bad Request', { field: 'amount', reason: 'is more than what was captured' });
    return this.#soon(() => {
      charge.refunded += amount;
      charge.status = charge.refunded === charge.captured ? 'REFUNDED' : 'PARTIALLY_REFUNDED';
      this.#note(charge, 'REFUND', amount, key);
      this.#tellCharge(charge, 'refunded');
      this.#book(charge, 'refund', -amount);
    });
  }

  #soon(work: () => void): 202 | 204 {
    if (!this.isSlow) return (work(), 204);
    this.#clock.at(this.#clock.now() + 60_000, work);
    return 202;
  }

  /** A charge on its day, and on each day of its retries. */
  #process(charge: VippsCharge): void {
    if (charge.status !== 'DUE' && charge.status !== 'PENDING') return;
    const agreement = this.agreement(charge.agreementId);
    charge.attempts += 1;
    const tooHigh = agreement.maxAmount !== undefined && charge.amount > agreement.maxAmount ? 'charge_amount_too_high' : undefined;
    const failure = agreement.failure ?? tooHigh;
    if (failure === undefined) return this.#succeed(charge);
    charge.status = 'DUE';
    if (charge.attempts > charge.retryDays) return this.#fail(charge, failure);
    this.#clock.at(Date.parse(`${charge.due}${BATCH}`) + charge.attempts * DAY_MS, () => this.#process(charge));
  }

  #succeed(charge: VippsCharge): void {
    if (charge.transactionType === 'RESERVE_CAPTURE') {
      charge.status = 'RESERVED';
      this.#note(charge, 'RESERVE', charge.amount);
      return this.#tellCharge(charge, 'reserved');
    }
    Object.assign(charge, { status: 'CHARGED', captured: charge.amount });
    this.#note(charge, 'CAPTURE', charge.amount);
    this.#tellCharge(charge, 'captured');
    this.#book(charge, 'capture', charge.amount);
  }

  #fail(charge: VippsCharge, reason: string): void {
    Object.assign(charge, { status: 'FAILED', failureReason: reason });
    this.#note(charge, 'FAIL', charge.amount, '', false);
    this.#tellCharge(charge, 'failed');
  }

  #cancel(charge: VippsCharge, key = ''): void {
    const rest = charge.amount - charge.captured - charge.cancelled;
    charge.cancelled += rest;
    if (charge.captured === 0) charge.status = 'CANCELLED';
    else charge.status = 'CHARGED';
    this.#note(charge, 'CANCEL', rest, key);
    this.#tellCharge(charge, 'canceled');
  }

  #cancelAll(agreement: VippsAgreement, statuses: readonly string[]): void {
    for (const charge of this.#charges.values())
      if (charge.agreementId === agreement.id && statuses.includes(charge.status)) this.#cancel(charge);
  }

  #expire(agreement: VippsAgreement): void {
    if (agreement.status !== 'PENDING') return;
    agreement.status = 'EXPIRED';
    this.#tell(agreement, 'expired', 'ADMIN');
  }

  #store(agreement: VippsAgreement, id: string, body: Json, key: string): VippsCharge {
    const charge: VippsCharge = {
      id,
      agreementId: agreement.id,
      amount: wholeOf(body, 'amount'),
      currency: agreement.currency,
      description: textOf(body, 'description', { most: 45 }),
      due: String(body['due']),
      retryDays: Number(body['retryDays']),
      transactionType: textOf(body, 'transactionType', { pattern: /^(DIRECT|RESERVE)_CAPTURE$/ }),
      type: body['type'] === 'INITIAL' ? 'INITIAL' : 'RECURRING',
      externalId: body['externalId'] === undefined ? undefined : textOf(body, 'externalId', { most: 64 }),
      status: 'PENDING',
      captured: 0,
      refunded: 0,
      cancelled: 0,
      failureReason: undefined,
      attempts: 0,
      history: [],
    };
    this.#charges.set(id, charge);
    this.#note(charge, 'CREATE', charge.amount, key);
    return charge;
  }

  #chargeIdOf(body: Json): string {
    if (body['orderId'] === undefined) return `chr-${randomBytes(4).toString('hex')}`;
    const id = textOf(body, 'orderId', { pattern: /^[a-zA-Z\d-]{1,50}$/ });
    if (this.#charges.has(id)) throw new VippsProblem(409, 'A charge with this orderId exists');
    return id;
  }

  #urlOf({ token }: VippsAgreement): string {
    return `${this.#hooks.baseUrl()}/register/${token}`;
  }

  #note(charge: VippsCharge, event: string, amount: number, key = '', success = true): void {
    charge.history.push({
      occurred: this.#clock.date().toISOString(),
      event,
      amount,
      idempotencyKey: key === '' ? randomUUID() : key,
      success,
    });
  }

  #tell(agreement: VippsAgreement, what: string, actor: string): void {
    const type = `recurring.agreement-${what}.v1`;
    this.#hooks.emit(type, agreement.id, {
      agreementId: agreement.id,
      agreementUUID: agreement.uuid,
      ...(agreement.request['externalId'] === undefined ? {} : { agreementExternalId: agreement.request['externalId'] }),
      eventType: type,
      occurred: this.#clock.date().toISOString(),
      actor,
      msn: this.#unit.msn,
    });
  }

  #tellCharge(charge: VippsCharge, what: string): void {
    const type = `recurring.charge-${what}.v1`;
    this.#hooks.emit(type, charge.agreementId, {
      agreementId: charge.agreementId,
      chargeId: charge.id,
      amount: charge.amount,
      chargeType: charge.type,
      currency: charge.currency,
      eventType: type,
      occurred: this.#clock.date().toISOString(),
      amountCaptured: charge.captured,
      amountCanceled: charge.cancelled,
      amountRefunded: charge.refunded,
      ...(charge.failureReason === undefined ? {} : { failureReason: charge.failureReason }),
      msn: this.#unit.msn,
    });
  }

  #book(charge: VippsCharge, entryType: 'capture' | 'refund', amount: number): void {
    const reference = charge.externalId ?? charge.id;
    this.#hooks.book(entryType, { reference, pspReference: randomUUID(), currency: charge.currency, amount });
  }
}

function missing(kind: string): never {
  throw new VippsProblem(404, `${kind} not found`);
}
