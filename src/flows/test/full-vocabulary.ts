/** A vocabulary with every action that the example flows use, so that tests need no plugin host. */
import type { Field, Schema } from '@kassaflow/plugin-sdk';
import { z } from 'zod';
import { eventSchemas } from '../../events/catalogue/catalogue.ts';
import { subjectSchemas } from '../../events/catalogue/subjects.ts';
import type { JsonSchema } from '../language/shape.ts';
import type { ActionWord, Vocabulary } from '../language/vocabulary.ts';

const text: Field = { type: 'string' };
const money: Field = { type: 'object', format: 'money' };
const anything: Field = { type: 'object', additionalProperties: true };
const list: Field = { type: 'array' };
const credits: Field = { type: 'integer', minimum: 1 };

const word = (
  name: string,
  plugin: string,
  input: Schema['properties'],
  required: readonly string[],
  output: Schema['properties'] = {},
  more: Partial<ActionWord> = {},
): ActionWord => ({
  name,
  plugin,
  title: name,
  about: name,
  effect: 'keyed',
  input: { type: 'object', properties: input, required },
  output: { type: 'object', properties: output },
  ...more,
});

const charge: Schema['properties'] = { invoice: text, method: { type: 'string', enum: ['saved', 'mandate', 'card'] }, amount: money };
const settlement: Field = {
  type: 'array',
  items: {
    type: 'object',
    properties: { kind: text, amount: money, payment: { type: 'object', properties: { id: text } }, explanation: text, url: text },
  },
};
const overLimit: Field = {
  type: 'array',
  items: {
    type: 'object',
    properties: {
      customer: { type: 'object', properties: { id: text, name: text, hasMandate: { type: 'boolean' } } },
      plan: { type: 'object', properties: { name: text } },
      period: text,
      overage: { type: 'object', properties: { total: money, lines: list } },
    },
  },
};

// prettier-ignore
const ACTIONS: readonly ActionWord[] = [
  word('payment.charge', 'core', charge, ['invoice'], { status: { type: 'string', enum: ['completed', 'failed', 'pending', 'action-required'] }, payment: text, reason: text, decline: text, retryAt: text, link: text }, { movesMoney: true, uses: 'payments' }),
  word('payment.announce', 'core', { invoice: text, amount: money, mandate: text, dueOn: text }, ['invoice'], { mandate: text, dueOn: text, submitOn: text }),
  word('payment.link', 'core', { invoice: text, days: { type: 'integer' } }, ['invoice'], { link: text, checkout: text }),
  word('request.link', 'core', { request: text, days: { type: 'integer' } }, ['request'], { link: text, checkout: text }),
  word('dunning.moment', 'core', { channel: { type: 'string', enum: ['sms', 'email'] }, inDays: { type: 'integer' } }, ['channel'], { at: text }, { sample: { at: '2026-11-20T09:00:00.000Z' } }),
  word('dunning.notice', 'core', { invoice: text, debtor: { type: 'string', enum: ['consumer', 'business'] }, link: text }, ['invoice'], { costs: money, total: money, subject: text, text }),
  word('invoice.write-off', 'core', { invoice: text, reason: text }, ['invoice'], { invoice: text, status: { type: 'string', enum: ['written-off'] } }, { causes: ['invoice.written-off'] }),
  word('payment.cancel', 'core', { payment: text }, ['payment']),
  word('payment.refund', 'core', { payment: text, amount: money, reason: text, refund: text }, ['payment'], { refund: text }, { movesMoney: true, causes: ['refund.completed', 'refund.failed'] }),
  word('payment.request', 'phone-requests', { phone: text, amount: money, text, invoices: { type: 'array', items: text }, reference: text }, ['phone', 'amount', 'text'], { payment: text, amount: money }),
  word('payment.split', 'core', { payment: text, over: list, order: { type: 'string', enum: ['oldest-first', 'smallest-first', 'in-proportion'] } }, ['payment', 'over']),
  word('sms.send', 'texting', { to: text, text }, ['to', 'text'], { message: text }),
  word('email.send', 'mailing', { to: text, subject: text, text, template: text }, ['to'], {}, { effect: 'once' }),
  word('accounting.post', 'core', { payment: text, invoice: text, refund: text, journal: text, description: text }, [], { entry: text }, { uses: 'accounting' }),
  word('accounting.reverse', 'core', { entry: text, reason: text }, ['entry'], {}, { uses: 'accounting' }),
  word('credit.add', 'core', { customer: text, credits, order: text, reason: text }, ['customer', 'credits'], { balance: { type: 'integer' } }, { causes: ['credit.added'] }),
  word('credit.take', 'core', { customer: text, credits, reason: text }, ['customer', 'credits']),
  word('credit.claw-back', 'core', { customer: text, credits, policy: { type: 'string', enum: ['never', 'to-zero', 'negative'] }, reason: text }, ['customer', 'credits'], { entry: text, balance: { type: 'integer' }, taken: { type: 'integer' } }),
  word('refund.cancel', 'core', { refund: text, reason: text }, ['refund'], { refund: text }),
  word('invoice.create', 'core', { customer: text, lines: list, 'due-in': text, about: text }, ['customer', 'lines'], { id: text }),
  word('invoice.send', 'core', { invoice: text }, ['invoice']),
  word('subscription.suspend', 'core', { subscription: text, reason: text }, ['subscription']),
  word('subscription.resume', 'core', { subscription: text }, ['subscription']),
  word('subscription.usage', 'core', { period: text }, ['period'], { overLimit }),
  word('staff.notify', 'core', { team: text, text, urgent: { type: 'boolean' } }, ['team', 'text']),
  word('staff.task', 'core', { team: text, title: text, about: text, link: text }, ['team', 'title'], { task: text }),
  word('settlement.fetch', 'core', { provider: text, day: text }, ['provider', 'day'], { file: text }),
  word('reconciliation.run', 'core', { day: text, settlements: list }, ['day', 'settlements'], { differences: settlement }),
  word('http.call', 'http', { method: { type: 'string', enum: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] }, path: text, body: anything }, ['method', 'path'], { status: { type: 'integer' }, body: anything }),
];

/** Without connections, so `via:` is not looked at. */
export const fullVocabulary: Vocabulary = {
  events: new Map([...eventSchemas()].map(([type, schema]) => [type, schema as JsonSchema])),
  subjects: Object.fromEntries(Object.entries(subjectSchemas).map(([name, schema]) => [name, z.toJSONSchema(schema) as JsonSchema])),
  actions: ACTIONS,
};

/** The same, for a tenant with two connections. */
export const tenantVocabulary: Vocabulary = {
  ...fullVocabulary,
  connections: [
    { name: 'sms-main', plugin: 'texting', mode: 'test' },
    { name: 'mail', plugin: 'mailing', mode: 'test' },
  ],
};
