/**
 * Paying a checkout session: from a chosen way of paying to what the payer has to do next.
 *
 * The attempt with its number is committed under the session's lock, then the payment is made under the key
 * `{session}:{choice}:{number}`, which `Payments` never carries out twice. So a double click, the back button, a reload and two
 * tabs all come to the same payment, and a process that dies in between leaves an attempt that the next click takes up. A choice
 * is a method with the way it is paid in: the provider's page, its fields on ours, this phone or another one.
 */
import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { CheckoutFlow } from '@kassaflow/plugin-sdk';
import type { Clock } from '../../kernel/clock.ts';
import { isKassaflowError } from '../../kernel/errors.ts';
import { idOf } from '../../kernel/ids.ts';
import { money, parseMoney } from '../../kernel/money.ts';
import { CLOCK } from '../../platform/clock.ts';
import { crashPoint } from '../../platform/crash-points.ts';
import { Database } from '../../platform/database/transaction.ts';
import { Authorizations, Payments, type PaymentView, type PaymentWish } from '../payments/index.ts';
import type { CheckoutSessionRow } from './checkout-session.entity.ts';
import { attemptNumber, isOver, isUnderWay, pays } from './checkout-session.ts';
import { CheckoutSessions, currentPayment, type SessionView } from './checkout-sessions.service.ts';
import { checkoutErrors } from './checkout.errors.ts';
import { MethodMenu, type Choice } from './method-menu.ts';
import { attemptsOf, beginSessionAttempt } from './session-attempts.ts';

/** What a payer chose. */
export interface ChosenMethod {
  /** `id` of a {@link Choice}. */
  readonly method: string;
  /** Default: the first that the choice has and that needs no more than is given. */
  readonly flow?: CheckoutFlow;
  /** E.164. */
  readonly phone?: string;
  readonly token?: string;
  /** The terminal; default: the session's. */
  readonly device?: string;
  readonly save?: boolean;
  /** In which the payer reads the page; default: the session's. */
  readonly locale?: string;
  /** Where the provider sends the payer back to. */
  readonly returnUrl: string;
  readonly actor: string;
}

/** A payer mistypes a few times; whoever tries stolen cards tries hundreds. */
const MOST_ATTEMPTS = 20;
/** An attempt without a payment after this was given up by whoever began it. */
const MAKING_MS = 30_000;

@Injectable()
export class PaySession {
  constructor(
    private readonly database: Database,
    private readonly sessions: CheckoutSessions,
    private readonly payments: Payments,
    private readonly authorizations: Authorizations,
    private readonly menu: MethodMenu,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** What can be chosen in a session now, named in `locale`; default: the session's. */
  async methods(tenantId: string, { row }: SessionView, locale = row.locale === '' ? 'en' : row.locale): Promise<Choice[]> {
    return this.menu.of(tenantId, {
      amount: money(row.amountMinor, row.currency),
      locale,
      capture: row.capture,
      connection: row.connection ?? undefined,
      methods: row.methods ?? undefined,
    });
  }

  /**
   * Makes the payment of a choice, or finds the one that there is.
   * @throws checkout.not-found, checkout.closed, checkout.under-way, checkout.method, checkout.phone-needed, and what `Payments.create` throws
   */
  async pay(tenantId: string, sessionId: string, chosen: ChosenMethod): Promise<PaymentView> {
    const view = await this.sessions.get(tenantId, sessionId);
    this.#requireOpen(view.row);
    const choice = (await this.methods(tenantId, view)).find(({ id }) => id === chosen.method);
    if (!choice) throw checkoutErrors.method({ method: chosen.method });
    const flow = flowOf(choice, chosen);
    const requestKey = await this.#begin(tenantId, view, choiceKey(choice, flow, chosen.phone), chosen.actor);
    crashPoint('checkout.attempt.after');
    return this.payments.create(tenantId, wishOf(view.row, choice, { ...chosen, flow }, requestKey));
  }

  /**
   * Asks the providers of all payments that can still come to something how they stand: for a payer who comes back before the
   * webhook does. What cannot be asked stays as it was.
   */
  async refresh(tenantId: string, sessionId: string): Promise<SessionView> {
    const { attempts } = await this.sessions.get(tenantId, sessionId);
    for (const { payment } of attempts) {
      if (payment && !isOver(payment) && !pays(payment, 'automatic')) await this.payments.refresh(tenantId, payment.id);
    }
    return this.sessions.get(tenantId, sessionId);
  }

  /** The payment that the payer is to go on with, if there is one. */
  async current(tenantId: string, { row, attempts }: SessionView): Promise<PaymentView | undefined> {
    const payment = currentPayment(attempts, row.capture);
    return payment && this.payments.get(tenantId, payment.id);
  }

  #requireOpen({ state, expiresAt }: CheckoutSessionRow): void {
    if (state !== 'open') throw checkoutErrors.closed({ status: state });
    if (expiresAt <= this.clock.now()) throw checkoutErrors.closed({ status: 'expired' });
  }

  /**
   * Writes the attempt down once no other payment of the session is in its way.
   * @throws checkout.under-way
   */
  async #begin(tenantId: string, view: SessionView, choice: string, actor: string): Promise<string> {
    const asked = new Set<string>();
    for (let current = view; ; current = await this.sessions.get(tenantId, view.row.id)) {
      await this.#letGoOfOthers(tenantId, current, choice, actor, asked);
      const requestKey = await this.#write(tenantId, view.row.id, choice, asked);
      // Another tab has begun another payment meanwhile; each round asks about at least one more.
      if (requestKey !== undefined) return requestKey;
    }
  }

  /** Open payments by other choices are cancelled at their providers, whose word decides. */
  async #letGoOfOthers(tenantId: string, { attempts }: SessionView, choice: string, actor: string, asked: Set<string>): Promise<void> {
    for (const { payment, requestKey, choice: other } of attempts) {
      if (other === choice || !payment || isOver(payment) || asked.has(payment.id)) continue;
      asked.add(payment.id);
      try {
        await this.authorizations.cancel(tenantId, { paymentId: payment.id, requestKey: `${requestKey}:let-go`, actor });
      } catch (error) {
        if (!isKassaflowError(error) || !error.code.startsWith('payment.')) throw error;
        // The provider cannot, or does not: how the payment stands then decides, and the provider knows best.
        await this.payments.refresh(tenantId, payment.id);
      }
    }
  }

  #write(tenantId: string, sessionId: string, choice: string, asked: ReadonlySet<string>): Promise<string | undefined> {
    return this.database.transact(tenantId, async (tx) => {
      const row = await this.sessions.lock(tx, sessionId);
      this.#requireOpen(row);
      const attempts = await attemptsOf(tx, sessionId);
      const others = attempts.filter((attempt) => attempt.choice !== choice);
      const now = this.clock.now();
      if (others.some(({ payment, startedAt }) => (payment ? isUnderWay(payment) : now.getTime() - startedAt.getTime() < MAKING_MS)))
        throw checkoutErrors['under-way']();
      if (others.some(({ payment }) => payment && !isOver(payment) && !asked.has(payment.id))) return undefined;
      const number = attemptNumber(attempts.filter((attempt) => attempt.choice === choice));
      if (number > 1 && attempts.length >= MOST_ATTEMPTS) throw checkoutErrors['too-many-attempts']({ most: MOST_ATTEMPTS });
      const requestKey = `${idOf('chk', sessionId)}:${choice}:${number}`;
      await beginSessionAttempt(tx, { sessionId, choice, number, requestKey, now });
      return requestKey;
    });
  }
}

/** Names what was chosen. The way through the provider's page is the method's own name; a phone is told apart, and not shown. */
function choiceKey({ id }: Choice, flow: CheckoutFlow, phone: string | undefined): string {
  if (flow === 'redirect') return id;
  if (flow !== 'push' || phone === undefined) return `${id}:${flow}`;
  return `${id}:${flow}.${createHash('sha256').update(phone).digest('hex').slice(0, 12)}`;
}

/** The flow asked for, else the first that can be used with what is given. @throws checkout.method, checkout.phone-needed */
function flowOf({ id, flows }: Choice, { flow, phone, token }: ChosenMethod): CheckoutFlow {
  const chosen =
    flow ??
    (phone !== undefined && flows.includes('push') ? 'push' : undefined) ??
    (token !== undefined && flows.includes('hosted-fields') ? 'hosted-fields' : undefined) ??
    (flows.includes('redirect') ? 'redirect' : flows[0]);
  if (chosen === undefined || !flows.includes(chosen)) throw checkoutErrors.method({ method: id, flow });
  if (chosen === 'push' && phone === undefined) throw checkoutErrors['phone-needed']({ field: 'phone' });
  return chosen;
}

function wishOf(
  row: CheckoutSessionRow,
  { connection, method, saves }: Choice,
  {
    flow,
    phone,
    token,
    device = row.device ?? undefined,
    save = canReplace(row, saves, flow) || undefined,
    locale = row.locale,
    returnUrl,
    actor,
  }: ChosenMethod & { readonly flow: CheckoutFlow },
  requestKey: string,
): PaymentWish {
  return {
    invoices: row.invoices.map(({ id, amount }) => ({ id, ...(amount && { amount: parseMoney(amount) }) })),
    amount: money(row.amountMinor, row.currency),
    split: row.split,
    connection,
    // A session that names its connection is paid there and nowhere else.
    fallBack: row.connection === null,
    description: row.description,
    returnUrl,
    metadata: row.metadata,
    capture: row.capture,
    flow,
    requestKey,
    actor,
    ...(row.customerId !== null && row.customerId !== undefined && { customerId: row.customerId }),
    ...(method !== undefined && { methods: [method] }),
    ...(phone !== undefined && { phone }),
    ...(token !== undefined && { token }),
    ...(device !== undefined && flow === 'tap' && { device }),
    ...(save !== undefined && { save }),
    ...(save === true && row.replacesMandateId && { replacesMandate: row.replacesMandateId }),
    ...(locale !== '' && { locale }),
  };
}

/** What a charge is approved with takes the mandate's place, unless the payer says otherwise; a card at a terminal is not saved. */
function canReplace({ replacesMandateId, customerId }: CheckoutSessionRow, saves: boolean, flow: CheckoutFlow): boolean {
  return saves && flow !== 'tap' && Boolean(replacesMandateId) && Boolean(customerId);
}
