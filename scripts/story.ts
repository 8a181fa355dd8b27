/**
 * The first story, for a person to watch: `npm run story`.
 *
 * A shop starts with a fresh data folder and with Stripe, Twilio, a mail server and an accounting office on this machine. A
 * customer orders, pays, and everything that follows is counted where it arrived. Exits 1 when something is not as it should be.
 */
import { isDeepStrictEqual } from 'node:util';
import { balances, checkOut, imbalance, offerCredits, order, PAID_ORDER, textsTo, traces } from '../test/stories/scenario.ts';
import { Shop } from '../test/stories/shop.ts';
import { until } from '../test/support/until.ts';

const SEEN: Readonly<Record<keyof typeof PAID_ORDER, string>> = {
  payment: 'The payment is',
  invoice: 'The invoice is',
  order: 'The order is',
  credits: 'Credits of the customer',
  completedEvents: 'Events payment.completed',
  runs: 'Runs of the flow payment-completed',
  texts: 'Texts at Twilio',
  postings: 'Entries at the accounting office',
  ledger: 'Entries in our own ledger',
};

let differences = 0;

say('A shop starts, connects its providers and publishes its flows …');
const shop = await Shop.open({ flows: ['stories/flows/receipt-by-mail.yaml'] });
try {
  await tell();
} finally {
  await shop.close();
}
say(differences === 0 ? 'Everything is there, once.' : `${differences} of these are not as they should be.`);
process.exitCode = differences === 0 ? 0 : 1;

async function tell(): Promise<void> {
  for (const name of ['card', 'texts', 'mail', 'book']) say(`  ${(await shop.command('connection', 'check', name)).trim()}`);
  say('A customer orders 100 credits and opens the page to pay 12.10 EUR …');
  const sale = await order(shop, await offerCredits(shop), 1);
  const checkout = await checkOut(shop, sale);
  say('The customer pays; Stripe says so by a signed webhook …');
  shop.stripe.pay(checkout.session);
  const found = await traces(shop, sale, checkout);
  for (const name of Object.keys(SEEN) as (keyof typeof SEEN)[]) compare(SEEN[name], found[name], PAID_ORDER[name]);
  await until(
    () => shop.mail.mails.length > 0,
    () => 'no mail ever came',
  );
  compare('Mails at the mail server', shop.mail.mails.length, 1);
  compare('Debits minus credits, in cents', await imbalance(shop), { EUR: 0 });
  say(`  The text: ${textsTo(shop, sale.phone)[0] ?? 'none'}`);
  for (const [account, amount] of Object.entries(await balances(shop))) say(`  ${account.padEnd(20)} ${amount.padStart(8)} EUR`);
}

function compare(what: string, found: unknown, expected: unknown): void {
  const isRight = isDeepStrictEqual(found, expected);
  if (!isRight) differences += 1;
  say(`  ${isRight ? 'ok ' : 'BAD'} ${what}: ${show(found)}${isRight ? '' : `, should be ${show(expected)}`}`);
}

function show(value: unknown): string {
  return typeof value === 'string' ? value : Array.isArray(value) ? value.join(', ') : JSON.stringify(value);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
