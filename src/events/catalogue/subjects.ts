/**
 * The subjects: what domain events carry and what flows read by name (`payment.status`, `customer.phone`).
 *
 * One schema serves the event payloads, the flow checker's types and the editor. These shapes are public: a field may be
 * added, never removed or narrowed without a new version of the events that carry it. Money is in its wire form.
 */
import { z } from 'zod';

const id = (prefix: string) => z.string().regex(new RegExp(`^${prefix}_[0-9a-z]{26}$`));
const instant = z.iso.datetime();

/** `{"amount":"12.50","currency":"EUR"}`; flow expressions see the type Money. */
export const moneySchema = z.strictObject({ amount: z.string(), currency: z.string().length(3) }).meta({ id: 'Money' });

export const paymentStatus = z.enum([
  'created',
  'pending',
  'authorized',
  'completed',
  'failed',
  'cancelled',
  'expired',
  'partially-refunded',
  'refunded',
  'charged-back',
]);

export const paymentSubject = z
  .strictObject({
    id: id('pay'),
    status: paymentStatus,
    amount: moneySchema,
    captured: moneySchema,
    refunded: moneySchema,
    description: z.string(),
    /** Why it failed, by the list of decline reasons; empty when it did not. */
    reason: z.string(),
    /** `ideal`, `card`, …; empty while it is not known. */
    method: z.string(),
    /** The plugin that it went through. */
    provider: z.string(),
    providerId: z.string(),
    test: z.boolean(),
    customer: z.string(),
    invoices: z.array(z.string()),
    metadata: z.record(z.string(), z.string()),
    createdAt: instant,
    completedAt: instant.or(z.literal('')),
    /** Until when reserved money can be captured; empty while none is reserved or the provider does not say. */
    captureBefore: instant.or(z.literal('')),
    /** Until when the payer's bank may take the money back without a question; empty where that is not so. */
    finalAt: instant.or(z.literal('')),
  })
  .meta({ id: 'Payment' });

export const invoiceSubject = z
  .strictObject({
    id: id('inv'),
    number: z.string(),
    status: z.enum(['draft', 'issued', 'paid', 'written-off', 'cancelled']),
    description: z.string(),
    total: moneySchema,
    paid: moneySchema,
    open: moneySchema,
    customer: id('cus'),
    issuedOn: z.string(),
    dueOn: z.string(),
    /** Where the customer sees and pays it, the same for as long as it is kept; empty while nothing is asked for. */
    payUrl: z.string(),
  })
  .meta({ id: 'Invoice' });

export const customerSubject = z
  .strictObject({
    id: id('cus'),
    reference: z.string(),
    name: z.string(),
    firstName: z.string(),
    /** Empty when it is not known; E.164 otherwise. */
    phone: z.string(),
    email: z.string(),
    locale: z.string(),
    hasMandate: z.boolean(),
    credits: z.int(),
  })
  .meta({ id: 'Customer' });

export const orderSubject = z
  .strictObject({
    id: id('ord'),
    status: z.enum(['created', 'paid', 'cancelled']),
    description: z.string(),
    total: moneySchema,
    /** Credits that it grants once paid; 0 for an order of something else. */
    credits: z.int(),
    customer: id('cus'),
    invoice: z.string(),
  })
  .meta({ id: 'Order' });

export const refundSubject = z
  .strictObject({
    id: id('ref'),
    status: z.enum(['requested', 'pending', 'completed', 'failed', 'cancelled']),
    amount: moneySchema,
    reason: z.string(),
    payment: id('pay'),
    credits: z.int(),
    origin: z.enum(['kassaflow', 'provider']),
    /** What has to happen before the provider can do it: somebody approves it, or taps the card at a terminal. */
    waitsFor: z.enum(['', 'approval', 'terminal']),
    /** Who asked for it, as the audit names them; empty for one that was made at the provider. */
    requestedBy: z.string(),
  })
  .meta({ id: 'Refund' });

/** Why a receipt has another version; `paid` is the first of all. */
export const receiptReason = z.enum(['paid', 'refunded', 'refund-failed', 'returned', 'charged-back', 'won-back', 'reversed']);

/** What a customer paid and what of it is still with the merchant. It is no invoice, and no document of a tax office. */
export const receiptSubject = z
  .strictObject({
    id: id('rcp'),
    /** For people, `R-7K3M-9QXP-2TBD`. Numbers do not follow each other. */
    number: z.string(),
    /** 1 when the money came, one more for each correction. */
    version: z.int(),
    /** Why there is this version. */
    reason: receiptReason,
    payment: id('pay'),
    /** By how much what is kept changed with this version, always above zero. */
    change: moneySchema,
    /** What was kept before this version; below zero when more went back than came. */
    before: moneySchema,
    /** What is kept since: paid less refunded less chargedBack. */
    kept: moneySchema,
    paid: moneySchema,
    refunded: moneySchema,
    chargedBack: moneySchema,
    /** What it was paid for, as far as there are invoices. */
    invoices: z.array(
      z.strictObject({
        id: id('inv'),
        number: z.string(),
        description: z.string(),
        total: moneySchema,
        /** What of the payment lies on it since. */
        part: moneySchema,
        /** VAT of the whole invoice, one for each rate; a rate is per ten thousand. */
        vat: z.array(z.strictObject({ rate: z.int(), net: moneySchema, vat: moneySchema })),
      }),
    ),
    /** Empty without one. */
    order: z.string(),
    /** Its page, for whoever has the address. */
    link: z.string(),
    /** When the money moved, as its provider says. */
    movedAt: instant,
    issuedAt: instant,
  })
  .meta({ id: 'Receipt' });

export const subscriptionSubject = z
  .strictObject({
    id: id('sub'),
    status: z.enum(['active', 'suspended', 'cancelled']),
    plan: z.string(),
    customer: id('cus'),
    periodStart: z.string(),
    periodEnd: z.string(),
  })
  .meta({ id: 'Subscription' });

export const requestSubject = z
  .strictObject({
    id: id('req'),
    status: z.enum(['created', 'approved', 'cancelled', 'expired', 'failed']),
    amount: moneySchema,
    phone: z.string(),
    payment: z.string(),
    expiresAt: instant,
  })
  .meta({ id: 'PaymentRequest' });

/** Permission of a customer to charge later. No subject of its own in flows: it travels with its events. */
export const mandateSubject = z
  .strictObject({
    id: id('man'),
    status: z.enum(['pending', 'active', 'revoked', 'expired']),
    /** `sepa-debit`, `card`, `account`, `agreement`. */
    method: z.string(),
    /** For people: `Visa •••• 4242`. */
    label: z.string(),
    /** The plugin through which it is charged. */
    provider: z.string(),
    customer: id('cus'),
    /** Until when the provider lets it be charged; empty when it does not say. */
    validUntil: instant.or(z.literal('')),
    createdAt: instant,
    lastUsedAt: instant,
  })
  .meta({ id: 'Mandate' });

/** One amount that a payer may pay in any way that is offered. */
export const checkoutSubject = z
  .strictObject({
    id: id('chk'),
    /** `pending`: a payment of it is with a bank. */
    status: z.enum(['open', 'pending', 'completed', 'cancelled', 'expired']),
    amount: moneySchema,
    description: z.string(),
    customer: z.string(),
    invoices: z.array(z.string()),
    /** The payment that paid it, or may still do so; empty when there is none. */
    payment: z.string(),
    metadata: z.record(z.string(), z.string()),
    createdAt: instant,
    expiresAt: instant,
    completedAt: instant.or(z.literal('')),
  })
  .meta({ id: 'CheckoutSession' });

/** Somebody objects to a payment. No subject of its own in flows: it travels with its events. */
export const disputeSubject = z
  .strictObject({
    id: id('dis'),
    status: z.enum(['inquiry', 'opened', 'won', 'lost']),
    amount: moneySchema,
    /** The scheme's or bank's code, verbatim. */
    reason: z.string(),
    payment: id('pay'),
    /** Until when an answer is accepted; empty when none is. */
    respondBy: instant.or(z.literal('')),
    openedAt: instant,
    closedAt: instant.or(z.literal('')),
  })
  .meta({ id: 'Dispute' });

/** What a provider says of one payout, or of a day whose lines are in no payout. No subject of its own in flows: it travels with its events. */
export const settlementSubject = z
  .strictObject({
    id: id('set'),
    kind: z.enum(['payout', 'day']),
    /** `unbalanced`: the lines do not add up to the payout. */
    status: z.enum(['open', 'paid', 'unbalanced']),
    /** Name of the connection that it came through. */
    connection: z.string(),
    /** The provider's id of the payout; the day as `2026-11-30`. */
    providerId: z.string(),
    /** What goes to the bank: payments less refunds, chargebacks and fees; below zero when the provider took money from there. */
    amount: moneySchema,
    /** With VAT. */
    fees: moneySchema,
    feeVat: moneySchema,
    /** What the lines lack to add up to the payout. */
    difference: moneySchema,
    /** Of its lines, money that our books cannot place; it is on the suspense account. */
    unexplained: moneySchema,
    /** How many there are. */
    lines: z.int(),
    /** The provider's own day of the payout; empty while there is none. */
    paidOn: z.string(),
    ledgerDate: z.string(),
  })
  .meta({ id: 'Settlement' });

/** Every subject by the name that flows use. */
export const subjectSchemas = {
  payment: paymentSubject,
  invoice: invoiceSubject,
  customer: customerSubject,
  order: orderSubject,
  refund: refundSubject,
  receipt: receiptSubject,
  subscription: subscriptionSubject,
  request: requestSubject,
} as const;

export type SubjectName = keyof typeof subjectSchemas;
export type PaymentSubject = z.infer<typeof paymentSubject>;
export type InvoiceSubject = z.infer<typeof invoiceSubject>;
export type CustomerSubject = z.infer<typeof customerSubject>;
export type OrderSubject = z.infer<typeof orderSubject>;
export type RefundSubject = z.infer<typeof refundSubject>;
export type ReceiptSubject = z.infer<typeof receiptSubject>;
export type ReceiptReason = z.infer<typeof receiptReason>;
export type DisputeSubject = z.infer<typeof disputeSubject>;
export type MandateSubject = z.infer<typeof mandateSubject>;
export type CheckoutSubject = z.infer<typeof checkoutSubject>;
export type SettlementSubject = z.infer<typeof settlementSubject>;
export type RequestSubject = z.infer<typeof requestSubject>;
