/** What events and actions do to the simulated domain: as much as the real one does that a flow can see. */
import { parseMoney, subtract, toWire } from '../../kernel/money.ts';
import { findEvent } from '../../events/catalogue/catalogue.ts';
import type { SubjectName } from '../../events/catalogue/subjects.ts';
import type { Data } from './flow-test.ts';
import { isSubject, type SimulatedWorld } from './simulated-world.ts';
import { modelOf } from './subject-models.ts';
import { isRecord } from '../../kernel/record.ts';
import { mergedData } from './typed-value.ts';

/** How the subjects of an event are after it, from how they were. */
type Change = (was: Data, now: string) => Data;

const settled: Change = ({ total }) => ({ status: 'paid', paid: total, open: none(total), payUrl: '' });
const reopened: Change = ({ total }) => ({ status: 'issued', paid: none(total), open: total });
const withStatus =
  (status: string): Change =>
  () => ({ status });
/** Nobody has to do anything for it any more. */
const over =
  (status: string): Change =>
  () => ({ status, waitsFor: '' });
const taken: Change = ({ amount }, now) => ({ status: 'completed', captured: amount, reason: '', completedAt: now });
const notTaken =
  (status: string): Change =>
  ({ amount, reason }) => ({
    status,
    captured: none(amount),
    completedAt: '',
    captureBefore: '',
    finalAt: '',
    ...(status === 'failed' && reason === '' && { reason: 'insufficient-funds' }),
  });

/** By type of event, by subject. An event that is not here leaves its subjects as they were. */
const BY_EVENT: Readonly<Record<string, Partial<Record<SubjectName, Change>>>> = {
  'payment.created': { payment: notTaken('created') },
  'payment.pending': { payment: notTaken('pending') },
  'payment.authorized': { payment: notTaken('authorized') },
  'payment.completed': { payment: taken, invoice: settled, order: withStatus('paid') },
  'payment.failed': { payment: notTaken('failed') },
  'payment.cancelled': { payment: notTaken('cancelled') },
  'payment.expired': { payment: notTaken('expired') },
  'payment.refunded': { payment: ({ captured }) => ({ status: 'refunded', refunded: captured }) },
  'payment.charged-back': { payment: withStatus('charged-back'), invoice: reopened },
  'payment.reversed': { payment: notTaken('failed'), invoice: reopened },
  'invoice.issued': { invoice: withStatus('issued') },
  'invoice.paid': { invoice: settled },
  'invoice.reopened': { invoice: reopened },
  'invoice.cancelled': { invoice: () => ({ status: 'cancelled', payUrl: '' }) },
  'invoice.written-off': { invoice: withStatus('written-off') },
  'order.created': { order: withStatus('created') },
  'order.paid': { order: withStatus('paid') },
  'order.cancelled': { order: withStatus('cancelled') },
  'refund.requested': { refund: withStatus('requested') },
  'refund.cancelled': { refund: over('cancelled') },
  'refund.completed': { refund: withStatus('completed') },
  'refund.failed': { refund: withStatus('failed') },
  'request.created': { request: withStatus('created') },
  'request.approved': { request: withStatus('approved') },
  'request.cancelled': { request: withStatus('cancelled') },
  'request.expired': { request: withStatus('expired') },
  'subscription.started': { subscription: withStatus('active') },
  'subscription.suspended': { subscription: withStatus('suspended') },
  'subscription.resumed': { subscription: withStatus('active') },
  'subscription.cancelled': { subscription: withStatus('cancelled') },
};

/**
 * The payload of an event that happens during a test, and the domain after it: the current subjects, changed as the event
 * says, under what the author wrote.
 *
 * @param sample what to take instead of the current subjects
 */
export function happen(world: SimulatedWorld, type: string, sample: Data | undefined, data: Data, now: Date): Data {
  const before = sample ?? currentPayload(world, type);
  // An id in the author's words means that very subject, in the state in which it is.
  const named = Object.entries(data).flatMap(([name, subject]) => {
    const known = isSubject(name) && isRecord(subject) ? world.find(name, String(subject['id'])) : undefined;
    return known ? [[name, known] as const] : [];
  });
  const about = { ...before, ...Object.fromEntries(named) };
  const changes = sample ? {} : (BY_EVENT[type] ?? {});
  const changed = Object.fromEntries(
    Object.entries(about).map(([name, subject]) => {
      const change = isSubject(name) ? changes[name] : undefined;
      return [name, change && isRecord(subject) ? { ...subject, ...change(subject, now.toISOString()) } : subject];
    }),
  );
  const payload = mergedData(changed, data);
  world.learn(payload);
  return payload;
}

/** Verbs of actions that make a new thing of the kind that they are named after. */
const MAKES = new Set(['create', 'request', 'open', 'issue']);

/** What an action makes: `payment.request` a payment; `undefined` for one that makes nothing. */
export function madeBy(action: string): SubjectName | undefined {
  const [noun = '', verb = ''] = action.split('.');
  return MAKES.has(verb) && isSubject(noun) ? noun : undefined;
}

/** What an action that succeeded does. */
export function afterAction(world: SimulatedWorld, action: string, input: Data, output: Data, now: Date): void {
  const id = (name: SubjectName) => (typeof input[name] === 'string' ? input[name] : undefined);
  const noun = madeBy(action);
  if (noun) return make(world, noun, input, output);
  switch (action) {
    case 'payment.charge':
      if (output['status'] !== undefined && output['status'] !== 'completed' && output['status'] !== 'ok') return;
      applyTo(world, 'invoice', settled, now, id('invoice'));
      applyTo(world, 'payment', taken, now);
      return;
    case 'payment.cancel':
      return applyTo(world, 'payment', notTaken('cancelled'), now, id('payment'));
    case 'payment.refund':
      return applyTo(world, 'refund', over('pending'), now, id('refund'));
    case 'refund.cancel':
      return applyTo(world, 'refund', over('cancelled'), now, id('refund'));
    case 'credit.add':
      return addCredits(world, input, 1);
    case 'credit.take':
    case 'credit.claw-back':
      return addCredits(world, input, -1);
    case 'invoice.cancel':
      return applyTo(world, 'invoice', withStatus('cancelled'), now, id('invoice'));
    case 'invoice.write-off':
      return applyTo(world, 'invoice', withStatus('written-off'), now, id('invoice'));
    case 'subscription.suspend':
      return applyTo(world, 'subscription', withStatus('suspended'), now, id('subscription'));
    case 'subscription.resume':
      return applyTo(world, 'subscription', withStatus('active'), now, id('subscription'));
    case 'subscription.cancel':
      return applyTo(world, 'subscription', withStatus('cancelled'), now, id('subscription'));
    default:
      return;
  }
}

/** What the domain knows for an event of this type; the catalogue's example for what it must carry and nobody has mentioned. */
function currentPayload(world: SimulatedWorld, type: string): Data {
  const definition = findEvent(type);
  const example = definition?.example ?? {};
  const known = Object.entries(example).map(([name, value]) => [name, (isSubject(name) && world.current(name)) || value] as const);
  const needed = known.filter(([name, value]) => {
    if (value !== example[name]) return true;
    const without = Object.fromEntries(known.filter(([other]) => other !== name));
    return definition?.data.safeParse(without).success !== true;
  });
  return Object.fromEntries(needed);
}

/** What was made is from now on what events of the test are about. */
function make(world: SimulatedWorld, noun: SubjectName, input: Data, output: Data): void {
  const id = output['id'] ?? output[noun];
  if (typeof id !== 'string') return;
  const { amount } = { ...input, ...output };
  const model = modelOf(noun);
  const made = { ...model, ...(isRecord(amount) && 'amount' in model && { amount }), id };
  world.put(noun, noun === 'payment' ? { ...made, ...notTaken('pending')(made, '') } : made);
}

function applyTo(world: SimulatedWorld, name: SubjectName, change: Change, now: Date, id?: string): void {
  const subject = id === undefined || id === '' ? world.current(name) : world.find(name, id);
  if (subject) world.change(name, change(subject, now.toISOString()), String(subject['id']));
}

function addCredits(world: SimulatedWorld, input: Data, sign: 1 | -1): void {
  const [customer, credits] = [String(input['customer']), Number(input['credits'])];
  const had = world.find('customer', customer)?.['credits'];
  if (typeof had === 'number') world.change('customer', { credits: had + sign * credits }, customer);
}

/** Zero of the same currency. */
function none(amount: unknown): unknown {
  const money = parseMoney(amount);
  return toWire(subtract(money, money));
}
