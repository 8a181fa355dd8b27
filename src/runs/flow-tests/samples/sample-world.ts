/** The people and things of the samples: one credit package, one plain invoice, one subscription. Each payload takes from them. */
import type { CustomerSubject, InvoiceSubject, OrderSubject, PaymentSubject, ReceiptSubject } from '../../../events/catalogue/subjects.ts';
import type { Data } from '../flow-test.ts';

/** Payloads by name. */
export type Samples = Readonly<Record<string, Data>>;

export const euro = (amount: string) => ({ amount, currency: 'EUR' });

export const kim: CustomerSubject = {
  id: 'cus_01k9xw3d5t8m2q4r6v7y9z0a1b',
  reference: 'portal-1042',
  name: 'Kim Jansen',
  firstName: 'Kim',
  phone: '+31687654321',
  email: 'kim@example.com',
  locale: 'nl',
  hasMandate: true,
  credits: 40,
};

/** An invoice of {@link kim} that nobody has paid yet. */
export const openInvoice: InvoiceSubject = {
  id: 'inv_01k9xw3d5t8m2q4r6v7y9z0a1c',
  number: '2026-00117',
  status: 'issued',
  description: 'Advice in November',
  total: euro('121.00'),
  paid: euro('0.00'),
  open: euro('121.00'),
  customer: kim.id,
  issuedOn: '2026-11-16',
  dueOn: '2026-11-30',
  payUrl: 'https://pay.example.com/i/4tQ9',
};

export const paidInvoice: InvoiceSubject = { ...openInvoice, status: 'paid', paid: openInvoice.total, open: euro('0.00'), payUrl: '' };

export const payment: PaymentSubject = {
  id: 'pay_01k9xw3d5t8m2q4r6v7y9z0a1d',
  status: 'completed',
  amount: openInvoice.total,
  captured: openInvoice.total,
  refunded: euro('0.00'),
  description: `Invoice ${openInvoice.number}`,
  reason: '',
  method: 'ideal',
  provider: 'acme-pay',
  providerId: 'tr_4tQ9Lw',
  test: false,
  customer: kim.id,
  invoices: [openInvoice.id],
  metadata: {},
  createdAt: '2026-11-23T08:58:10.000Z',
  completedAt: '2026-11-23T08:59:31.000Z',
  captureBefore: '',
  finalAt: '',
};

/** {@link payment} in a state in which no money was taken. */
export function unpaid(status: PaymentSubject['status'], more: Partial<PaymentSubject> = {}): PaymentSubject {
  return { ...payment, status, captured: euro('0.00'), completedAt: '', ...more };
}

/** An order of 100 credits, paid at once. */
export const creditOrder: OrderSubject = {
  id: 'ord_01k9xw3d5t8m2q4r6v7y9z0a1e',
  status: 'paid',
  description: '100 credits',
  total: euro('24.20'),
  credits: 100,
  customer: kim.id,
  invoice: 'inv_01k9xw3d5t8m2q4r6v7y9z0a1f',
};

export const creditInvoice: InvoiceSubject = {
  ...paidInvoice,
  id: 'inv_01k9xw3d5t8m2q4r6v7y9z0a1f',
  number: '2026-00118',
  description: creditOrder.description,
  total: creditOrder.total,
  paid: creditOrder.total,
};

export const creditPayment: PaymentSubject = {
  ...payment,
  id: 'pay_01k9xw3d5t8m2q4r6v7y9z0a1g',
  amount: creditOrder.total,
  captured: creditOrder.total,
  description: creditOrder.description,
  invoices: [creditInvoice.id],
  providerId: 'tr_7hB2Xe',
};

/** Of {@link payment}. */
export const receipt: ReceiptSubject = receiptFor(payment, paidInvoice, { net: euro('100.00'), vat: euro('21.00'), order: '' });

/** Of {@link creditPayment}. */
export const creditReceipt: ReceiptSubject = receiptFor(creditPayment, creditInvoice, {
  net: euro('20.00'),
  vat: euro('4.20'),
  order: creditOrder.id,
});

type Money = ReturnType<typeof euro>;

/** As it is when all of the invoice is paid, with 21 % VAT. */
function receiptFor(
  { id, captured, completedAt }: PaymentSubject,
  { total, ...invoice }: InvoiceSubject,
  { net, vat, order }: { readonly net: Money; readonly vat: Money; readonly order: string },
): ReceiptSubject {
  const letters = id.slice('pay_'.length);
  const { number, description } = invoice;
  return {
    id: `rcp_${letters}`,
    number: `R-${letters.slice(-12, -8)}-${letters.slice(-8, -4)}-${letters.slice(-4)}`.toUpperCase(),
    version: 1,
    reason: 'paid',
    payment: id,
    change: captured,
    before: euro('0.00'),
    kept: captured,
    paid: captured,
    refunded: euro('0.00'),
    chargedBack: euro('0.00'),
    invoices: [{ id: invoice.id, number, description, total, part: total, vat: [{ rate: 2_100, net, vat }] }],
    order,
    link: `https://pay.example.com/receipts/${letters}7Qw2`,
    movedAt: completedAt,
    issuedAt: completedAt,
  };
}
