/** One customer's purchase of 500 credits: the subjects from which the examples of the catalogue are made. */
import type { z } from 'zod';
import type {
  CheckoutSubject,
  CustomerSubject,
  DisputeSubject,
  InvoiceSubject,
  OrderSubject,
  PaymentSubject,
  ReceiptSubject,
  RefundSubject,
  SettlementSubject,
  requestSubject,
  subscriptionSubject,
} from './subjects.ts';

const euro = (amount: string) => ({ amount, currency: 'EUR' });

export const customerExample: CustomerSubject = {
  id: 'cus_01jd3k4m5n6p7q8r9s0t1v2w3x',
  reference: 'portal-4711',
  name: 'Anna de Vries',
  firstName: 'Anna',
  phone: '+31612345678',
  email: 'anna@example.com',
  locale: 'nl',
  hasMandate: true,
  credits: 120,
};

export const invoiceExample: InvoiceSubject = {
  id: 'inv_01jd3k4m5n6p7q8r9s0t1v2w3y',
  number: '2026-00042',
  status: 'paid',
  description: '500 credits',
  total: euro('60.50'),
  paid: euro('60.50'),
  open: euro('0.00'),
  customer: customerExample.id,
  issuedOn: '2026-11-21',
  dueOn: '2026-12-05',
  payUrl: '',
};

/** As {@link invoiceExample}, before it was paid. */
export const openInvoiceExample: InvoiceSubject = {
  ...invoiceExample,
  status: 'issued',
  paid: euro('0.00'),
  open: euro('60.50'),
  payUrl: 'https://pay.example.com/i/8fK2',
};

export const paymentExample: PaymentSubject = {
  id: 'pay_01jd3k4m5n6p7q8r9s0t1v2w3z',
  status: 'completed',
  amount: euro('60.50'),
  captured: euro('60.50'),
  refunded: euro('0.00'),
  description: 'Invoice 2026-00042',
  reason: '',
  method: 'ideal',
  provider: 'acme-pay',
  providerId: 'tr_8fK2mQ',
  test: true,
  customer: customerExample.id,
  invoices: [invoiceExample.id],
  metadata: { basket: '4711' },
  createdAt: '2026-11-21T09:30:00.000Z',
  completedAt: '2026-11-21T09:31:12.000Z',
  captureBefore: '',
  finalAt: '',
};

/** As {@link paymentExample}, in a state in which no money was taken. */
export function unpaidExample(status: PaymentSubject['status'], reason = ''): PaymentSubject {
  return { ...paymentExample, status, reason, captured: euro('0.00'), completedAt: '' };
}

export const orderExample: OrderSubject = {
  id: 'ord_01jd3k4m5n6p7q8r9s0t1v2w40',
  status: 'paid',
  description: '500 credits',
  total: euro('60.50'),
  credits: 500,
  customer: customerExample.id,
  invoice: invoiceExample.id,
};

export const refundExample: RefundSubject = {
  id: 'ref_01jd3k4m5n6p7q8r9s0t1v2w41',
  status: 'completed',
  amount: euro('12.10'),
  reason: 'Bought too many',
  payment: paymentExample.id,
  credits: 100,
  origin: 'kassaflow',
  waitsFor: '',
  requestedBy: 'key/key_01jd3k4m5n6p7q8r9s0t1v2w4a',
};

export const receiptExample: ReceiptSubject = {
  id: 'rcp_01jd3k4m5n6p7q8r9s0t1v2w3z',
  number: 'R-8R9S-0T1V-2W3Z',
  version: 1,
  reason: 'paid',
  payment: paymentExample.id,
  change: euro('60.50'),
  before: euro('0.00'),
  kept: euro('60.50'),
  paid: euro('60.50'),
  refunded: euro('0.00'),
  chargedBack: euro('0.00'),
  invoices: [
    {
      id: invoiceExample.id,
      number: invoiceExample.number,
      description: invoiceExample.description,
      total: euro('60.50'),
      part: euro('60.50'),
      vat: [{ rate: 2_100, net: euro('50.00'), vat: euro('10.50') }],
    },
  ],
  order: orderExample.id,
  link: 'https://pay.example.com/receipts/01jd3k4m5n6p7q8r9s0t1v2w3zq83vEjRWeJq7Ns1wX4zPfg',
  movedAt: '2026-11-21T09:31:10.000Z',
  issuedAt: '2026-11-21T09:31:12.000Z',
};

/** As {@link receiptExample}, after what happened to the money. */
export function correctedReceipt(reason: ReceiptSubject['reason'], change: string, after: Partial<ReceiptSubject>): ReceiptSubject {
  return { ...receiptExample, version: 2, reason, before: receiptExample.kept, change: euro(change), ...after };
}

export const disputeExample: DisputeSubject = {
  id: 'dis_01jd3k4m5n6p7q8r9s0t1v2w46',
  status: 'opened',
  amount: euro('60.50'),
  reason: 'fraudulent',
  payment: paymentExample.id,
  respondBy: '2026-12-05T23:59:59.000Z',
  openedAt: '2026-11-28T08:00:00.000Z',
  closedAt: '',
};

export const subscriptionExample: z.infer<typeof subscriptionSubject> = {
  id: 'sub_01jd3k4m5n6p7q8r9s0t1v2w42',
  status: 'active',
  plan: 'team',
  customer: customerExample.id,
  periodStart: '2026-11-01',
  periodEnd: '2026-11-30',
};

export const requestExample: z.infer<typeof requestSubject> = {
  id: 'req_01jd3k4m5n6p7q8r9s0t1v2w43',
  status: 'created',
  amount: { amount: '250.00', currency: 'DKK' },
  phone: '+4520123456',
  payment: '',
  expiresAt: '2026-11-21T09:40:00.000Z',
};

export const settlementExample: SettlementSubject = {
  id: 'set_01jd3k4m5n6p7q8r9s0t1v2w46',
  kind: 'payout',
  status: 'paid',
  connection: 'main',
  providerId: 'stl_8fK2',
  amount: euro('1204.11'),
  fees: euro('8.29'),
  feeVat: euro('1.44'),
  difference: euro('0.00'),
  unexplained: euro('0.00'),
  lines: 42,
  paidOn: '2026-11-23',
  ledgerDate: '2026-11-23',
};

export const checkoutExample: CheckoutSubject = {
  id: 'chk_01jd3k4m5n6p7q8r9s0t1v2w44',
  status: 'completed',
  amount: euro('60.50'),
  description: '500 credits',
  customer: customerExample.id,
  invoices: [invoiceExample.id],
  payment: paymentExample.id,
  metadata: { basket: '4711' },
  createdAt: '2026-11-21T09:29:00.000Z',
  expiresAt: '2026-11-22T09:29:00.000Z',
  completedAt: '2026-11-21T09:31:12.000Z',
};

/** As {@link checkoutExample}, before or without a payment. */
export function unpaidCheckout(status: CheckoutSubject['status']): CheckoutSubject {
  return { ...checkoutExample, status, payment: '', completedAt: '' };
}
