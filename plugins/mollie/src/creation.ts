import { failed, type CreatePayment, type Failed } from '@kassaflow/plugin-sdk';
import { toMollie } from './amounts.ts';
import { PAYMENT_MARK } from './facts.ts';
import { localeOf, mollieMethod } from './words.ts';

/** Mollie's longest description (https://docs.mollie.com/reference/create-payment); methods with less room cut it themselves. */
const DESCRIPTION_LENGTH = 255;
/** Metadata of about 1 kB are kept. */
const METADATA_BYTES = 1_024;

/** On one line, and never cut through the middle of a character. */
export function descriptionOf(description: string, reference: string): string {
  const line = description.replaceAll(/\s+/g, ' ').trim();
  return Array.from(line === '' ? reference : line)
    .slice(0, DESCRIPTION_LENGTH)
    .join('');
}

/** What cannot be asked of Mollie, found before anything is sent. */
export function refuseCreation(payment: CreatePayment): Failed | undefined {
  const { flow = 'redirect' } = payment;
  if (flow === 'push') return failed('input', 'Mollie cannot call a phone; use its page.', { field: 'flow' });
  if (flow === 'hosted-fields' && payment.token === undefined)
    return failed('input', 'Card fields make a token in the browser first, and there is none.', { field: 'token' });
  if (flow === 'tap' && payment.device === undefined)
    return failed('input', 'A payment at a terminal names the terminal.', { field: 'device' });
  if (payment.save && flow === 'tap') return failed('input', 'A payment at a terminal leaves no mandate.', { field: 'save' });
  if (payment.save && payment.customer === undefined)
    return failed('input', 'A payment that leaves a mandate names the customer.', { field: 'customer' });
  return refuseMetadata(payment.reference, payment.metadata);
}

export function refuseMetadata(reference: string, metadata: Readonly<Record<string, string>> | undefined): Failed | undefined {
  const size = Buffer.byteLength(JSON.stringify(metadataOf(reference, metadata)));
  return size <= METADATA_BYTES ? undefined : failed('input', 'Mollie keeps metadata of at most 1 kB.', { field: 'metadata' });
}

/** The body of `POST /payments`. Depends on nothing but its arguments: the same key with another body is refused. */
export function creation(payment: CreatePayment, customerId: string | undefined): Readonly<Record<string, unknown>> {
  const { flow = 'redirect', customer } = payment;
  const locale = localeOf(customer?.locale);
  return {
    amount: toMollie(payment.amount),
    description: descriptionOf(payment.description, payment.reference),
    redirectUrl: payment.returnUrl,
    ...(payment.cancelUrl === undefined ? {} : { cancelUrl: payment.cancelUrl }),
    webhookUrl: payment.webhookUrl,
    ...methodOf(payment),
    ...(flow === 'hosted-fields' ? { cardToken: payment.token } : {}),
    ...(flow === 'tap' ? { terminalId: payment.device } : {}),
    ...(locale === undefined ? {} : { locale }),
    ...(payment.capture === 'manual' ? { captureMode: 'manual' } : {}),
    ...(customerId === undefined ? {} : { customerId }),
    ...(payment.save ? { sequenceType: 'first' } : {}),
    metadata: metadataOf(payment.reference, payment.metadata),
  };
}

export function metadataOf(reference: string, metadata: Readonly<Record<string, string>> | undefined): Readonly<Record<string, string>> {
  return { ...metadata, [PAYMENT_MARK]: reference };
}

/** Without a method the customer chooses on Mollie's page. Only a bank transfer takes a last day. */
function methodOf({ flow, methods = [], expiresAt }: CreatePayment): Readonly<Record<string, unknown>> {
  const words = flow === 'hosted-fields' ? ['creditcard'] : flow === 'tap' ? ['pointofsale'] : methods.map(mollieMethod);
  const [only] = words;
  if (only === undefined) return {};
  if (words.length > 1) return { method: words };
  const dueDate = only === 'banktransfer' && expiresAt !== undefined ? { dueDate: new Date(expiresAt).toISOString().slice(0, 10) } : {};
  return { method: only, ...dueDate };
}
