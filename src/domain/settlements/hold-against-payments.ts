/**
 * Holds what was read against our payments, until our books have it or it is clear that they do not.
 *
 * A line that says more than our books have is a sign that we missed something: the provider is asked about its payment, once in each
 * import. Where a fetch cannot tell it, the line itself becomes a fact of the payment: chargebacks of a provider with
 * `chargebacksInSettlements`, and refunds of one with `findsByReport` that a fetch still does not know. What is left is suspense.
 */
import { Injectable, Logger } from '@nestjs/common';
import type { DisputeFacts, ProviderTraits } from '@kassaflow/plugin-sdk';
import type { Currency } from '../../kernel/currency.ts';
import { toMinor } from '../../kernel/fine-money.ts';
import { idOf } from '../../kernel/ids.ts';
import type { Transaction } from '../../platform/database/transaction.ts';
import { ProviderCalls } from '../../plugin-host/provider-calls.ts';
import { Payments, SettledMoneyOfPayments } from '../payments/index.ts';
import { explainLines, linesOf, matchLines, settleLines, type Days, type PaymentLine, type ToldMore } from './payment-lines.ts';

/** A transaction of the import, which still has its lease. */
export type InImport = <T>(work: (tx: Transaction) => Promise<T>) => Promise<T>;

/** Payments held against their lines in one transaction. */
const CHUNK = 500;
/** A provider is asked about so many payments at most in one import: an account that others sell through has more. */
const MOST_ASKED = 300;

@Injectable()
export class HoldAgainstPayments {
  readonly #log = new Logger(HoldAgainstPayments.name);

  constructor(
    private readonly calls: ProviderCalls,
    private readonly payments: Payments,
    private readonly settled: SettledMoneyOfPayments,
  ) {}

  async hold(tenantId: string, days: Days, inImport: InImport): Promise<void> {
    const found = await inImport((tx) => matchLines(tx, days));
    const more: ToldMore[] = [];
    for (let at = 0; at < found.length; at += CHUNK)
      more.push(...(await inImport((tx) => explainLines(tx, found.slice(at, at + CHUNK), days))));
    const traits = await this.calls.traits(days.connectionId);
    const told = traits.chargebacksInSettlements ? await this.#tellChargebacks(tenantId, found, inImport) : [];
    for (const payment of more.slice(0, MOST_ASKED)) await this.#ask(tenantId, days.connectionId, payment);
    const again = [...new Set([...told, ...more.map(({ paymentId }) => paymentId)])];
    // A payment whose capture only the report knew can take its chargeback now.
    if (traits.chargebacksInSettlements) await this.#tellChargebacks(tenantId, again, inImport);
    await this.#explainAgain(tenantId, again, days, traits, inImport);
    await inImport((tx) => settleLines(tx, days.connectionId));
  }

  async #explainAgain(
    tenantId: string,
    payments: readonly string[],
    days: Days,
    traits: ProviderTraits,
    inImport: InImport,
  ): Promise<void> {
    for (let at = 0; at < payments.length; at += CHUNK) {
      const chunk = payments.slice(at, at + CHUNK);
      const left = await inImport((tx) => explainLines(tx, chunk, days));
      if (!traits.findsByReport || left.length === 0) continue;
      const ids = left.map(({ paymentId }) => paymentId);
      await this.#tellRefunds(tenantId, ids, inImport);
      await inImport((tx) => explainLines(tx, ids, days));
    }
  }

  /** One that cannot be asked about now is looked at again by the next import of its day. */
  async #ask(tenantId: string, connectionId: string, { paymentId, providerId }: ToldMore): Promise<void> {
    const payment = idOf('pay', paymentId);
    try {
      const result = await this.payments.applyProviderEvent(tenantId, connectionId, {
        reference: payment,
        isOld: true,
        ...(providerId !== null && { providerId }),
      });
      if (result.kind === 'refused' || result.kind === 'orphan')
        this.#log.warn({ message: 'a settlement has a payment of which the provider does not tell', payment, result });
    } catch (error) {
      this.#log.error({ message: 'a payment in a settlement could not be brought up to date', payment, error });
    }
  }

  /** @returns the payments that have such lines */
  async #tellChargebacks(tenantId: string, paymentIds: readonly string[], inImport: InImport): Promise<string[]> {
    const lines = (await this.#linesIn(paymentIds, inImport)).filter(isChargeback).flatMap(asPaid);
    const told = Map.groupBy(lines, ({ paymentId }) => paymentId);
    for (const [paymentId, ofPayment] of told) {
      const currency = ofPayment[0]?.paidCurrency;
      if (!currency) continue;
      const disputes = disputesOf(ofPayment, currency);
      const chargedBack = disputes.reduce((sum, { state, amount }) => sum + (state === 'opened' ? BigInt(amount) : 0n), 0n);
      await this.#tell(tenantId, paymentId, { chargedBack, disputes, bookedAt: newestOf(ofPayment) });
    }
    return [...told.keys()];
  }

  async #tellRefunds(tenantId: string, paymentIds: readonly string[], inImport: InImport): Promise<void> {
    const unknown = (await this.#linesIn(paymentIds, inImport))
      .flatMap(asPaid)
      .filter(
        ({ kind, gross, explainedGross, refundId }) => kind === 'refund' && gross < 0n && gross !== explainedGross && refundId === null,
      );
    for (const [paymentId, ofPayment] of Map.groupBy(unknown, (line) => line.paymentId)) {
      const refunds = ofPayment.map(({ providerId, refundProviderId, gross, explainedGross, paidCurrency }) => ({
        providerId: refundProviderId ?? providerId,
        amount: Number(toMinor(explainedGross - gross, paidCurrency)),
        state: 'done' as const,
      }));
      await this.#tell(tenantId, paymentId, { refunds, bookedAt: newestOf(ofPayment) });
    }
  }

  async #tell(tenantId: string, paymentId: string, told: Parameters<SettledMoneyOfPayments['tell']>[2]): Promise<void> {
    try {
      await this.settled.tell(tenantId, paymentId, told);
    } catch (error) {
      this.#log.error({ message: 'a payment does not take what its settlement says', payment: idOf('pay', paymentId), error });
    }
  }

  async #linesIn(paymentIds: readonly string[], inImport: InImport): Promise<PaymentLine[]> {
    const lines: PaymentLine[] = [];
    for (let at = 0; at < paymentIds.length; at += CHUNK)
      lines.push(...(await inImport((tx) => linesOf(tx, paymentIds.slice(at, at + CHUNK)))));
    return lines;
  }
}

/**
 * A dispute for each chargeback, won by the first reversal of the same amount that comes after it, else by the next one.
 * A reversal without a chargeback gave back what was taken before these lines begin, and says nothing of now.
 */
export function disputesOf(lines: readonly Pick<PaymentLine, 'kind' | 'providerId' | 'gross'>[], currency: Currency): DisputeFacts[] {
  const disputes: { providerId: string; state: DisputeFacts['state']; amount: number }[] = [];
  for (const { kind, providerId, gross } of lines) {
    const amount = Number(toMinor(gross < 0n ? -gross : gross, currency));
    if (kind === 'chargeback') disputes.push({ providerId, state: 'opened', amount });
    const open = disputes.filter(({ state }) => state === 'opened');
    const won = kind === 'chargeback-reversal' ? (open.find((dispute) => dispute.amount === amount) ?? open[0]) : undefined;
    if (won) won.state = 'won';
  }
  return disputes;
}

/** The line with the amounts that its payment knows; none where the provider exchanged it and does not tell them. */
function asPaid(line: PaymentLine): PaymentLine[] {
  const { paidGross, isExchanged, explainedGross, explainedExchanged } = line;
  return paidGross === null ? [] : [{ ...line, gross: paidGross, explainedGross: isExchanged ? explainedExchanged : explainedGross }];
}

function isChargeback({ kind }: PaymentLine): boolean {
  return kind === 'chargeback' || kind === 'chargeback-reversal';
}

function newestOf(lines: readonly PaymentLine[]): Date {
  return new Date(Math.max(...lines.map(({ bookedAt }) => bookedAt.getTime())));
}
