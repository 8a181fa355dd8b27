/** What Mollie refuses of a new payment. */
import {
  amountIn,
  minorOf,
  MollieProblem,
  onlyFields,
  optionalText,
  textIn,
  type Amount,
  type Body,
  type Payment,
} from './mollie-objects.ts';

const FIRST = new Set(['creditcard', 'ideal', 'bancontact', 'belfius', 'kbc', 'eps', 'applepay', 'paypal', 'mybank']);
const KNOWN = new Set([
  ...FIRST,
  'directdebit',
  'banktransfer',
  'pointofsale',
  'mobilepay',
  'vipps',
  'swish',
  'twint',
  'trustly',
  'klarna',
]);
/** First payments of nothing. */
const FREE = new Set(['creditcard', 'paypal', 'applepay']);
/** Ways of paying that can be authorized first and captured later. */
const HOLDING = new Set(['creditcard', 'klarna', 'applepay']);

const FIELDS = [
  'amount',
  'description',
  'redirectUrl',
  'cancelUrl',
  'webhookUrl',
  'method',
  'locale',
  'metadata',
  'customerId',
  'sequenceType',
  'mandateId',
  'captureMode',
  'captureDelay',
  'dueDate',
  'cardToken',
  'terminalId',
  'lines',
  'billingAddress',
  'profileId',
  'testmode',
];

/** What is checked of every new payment, read. @throws MollieProblem 422 with the field */
export function checkedPayment(body: Body, allowLocal: boolean): Pick<Payment, 'amount' | 'description' | 'sequenceType' | 'offered'> {
  onlyFields(body, ...FIELDS);
  const amount = amountIn(body['amount']);
  const description = textIn(body, 'description');
  if (Array.from(description).length > 255) throw new MollieProblem(422, 'The description is too long', 'description');
  const sequenceType = optionalText(body, 'sequenceType') ?? 'oneoff';
  if (sequenceType !== 'oneoff' && sequenceType !== 'first' && sequenceType !== 'recurring')
    throw new MollieProblem(422, 'The sequence type is invalid', 'sequenceType');
  const offered = [body['method'] ?? []].flat().map(String);
  if (!offered.every((method) => KNOWN.has(method))) throw new MollieProblem(422, 'The payment method is invalid', 'method');
  checkUrls(body, sequenceType, offered, allowLocal);
  checkAmount(amount, sequenceType, offered);
  checkCapture(body, offered);
  if (offered.includes('pointofsale')) textIn(body, 'terminalId');
  if (body['cardToken'] !== undefined && !textIn(body, 'cardToken').startsWith('tkn_'))
    throw new MollieProblem(422, 'The card token is invalid', 'cardToken');
  return { amount, description, sequenceType, offered };
}

/** Whether a method can leave a mandate behind. */
export function isFirst(method: string): boolean {
  return FIRST.has(method);
}

function checkAmount(amount: Amount, sequenceType: string, offered: readonly string[]): void {
  const isFree = sequenceType === 'first' && offered.length > 0 && offered.every((method) => FREE.has(method));
  if (minorOf(amount) === 0 && !isFree) throw new MollieProblem(422, 'The amount is lower than the minimum', 'amount');
  if (minorOf(amount) > 100_000_000_00) throw new MollieProblem(422, 'The amount is higher than the maximum', 'amount');
}

function checkCapture(body: Body, offered: readonly string[]): void {
  const cannot = offered.length > 0 && !offered.some((method) => HOLDING.has(method));
  if (body['captureMode'] === 'manual' && cannot) throw new MollieProblem(422, 'The method does not support manual capture', 'captureMode');
}

/** Addresses that Mollie cannot reach are refused, as `localhost` is. */
function checkUrls(body: Body, sequenceType: string, offered: readonly string[], allowLocal: boolean): void {
  if (sequenceType !== 'recurring' && optionalText(body, 'redirectUrl') === undefined && !offered.includes('pointofsale'))
    throw new MollieProblem(422, 'The redirect URL is missing', 'redirectUrl');
  const webhookUrl = optionalText(body, 'webhookUrl');
  if (webhookUrl === undefined) return;
  const host = URL.parse(webhookUrl)?.hostname;
  if (host === undefined || (!allowLocal && /^(localhost|127\.|\[::1\])/.test(host)))
    throw new MollieProblem(422, 'The webhook URL is invalid because it is unreachable from Mollie’s point of view', 'webhookUrl');
}
