/**
 * What `sms.send` and `email.send` are, for every plugin that offers them: a flow says `do: sms.send`, and the tenant's
 * connection decides whose it is. A plugin adds its effect class and a sample: `action<Settings>()({ ...smsSend, effect, sample })`.
 */
import type { ActionGuards } from './guards.ts';
import type { Field, Schema, Text } from './schema.ts';

const oncePer = {
  type: 'string',
  minLength: 1,
  maxLength: 200,
  title: 'Once per',
  description: 'One message per receiver and this text, for example the number of an invoice, whatever run sends it.',
  'x-advanced': true,
} as const satisfies Field;

export const smsSend = {
  name: 'sms.send',
  title: { en: 'Send an SMS', nl: 'Stuur een sms', da: 'Send en sms', nb: 'Send en SMS' },
  about: 'Sends one text message to one phone number.',
  input: {
    type: 'object',
    required: ['to', 'text'],
    properties: {
      to: { type: 'string', format: 'phone', title: 'To', 'x-personal': 'phone' },
      text: { type: 'string', minLength: 1, maxLength: 1600, title: 'Text', 'x-multiline': true },
      oncePer,
    },
  },
  output: {
    type: 'object',
    required: ['id', 'status', 'parts'],
    properties: { id: { type: 'string' }, status: { type: 'string' }, parts: { type: 'integer', minimum: 1 } },
  },
  guards: { message: { to: '/to', oncePer: '/oncePer' } },
} as const satisfies MessageSpec;

export const emailSend = {
  name: 'email.send',
  title: { en: 'Send an e-mail', nl: 'Stuur een e-mail', da: 'Send en e-mail', nb: 'Send en e-post' },
  about: 'Sends one e-mail to one address.',
  input: {
    type: 'object',
    required: ['to', 'subject', 'text'],
    properties: {
      to: { type: 'string', format: 'email', maxLength: 254, title: 'To', 'x-personal': 'email' },
      subject: { type: 'string', minLength: 1, maxLength: 250, title: 'Subject' },
      text: { type: 'string', minLength: 1, maxLength: 100_000, title: 'Text', 'x-multiline': true },
      html: {
        type: 'string',
        maxLength: 200_000,
        title: 'HTML',
        description: 'Shown instead of the text where the reader can.',
        'x-multiline': true,
        'x-advanced': true,
      },
      oncePer,
    },
  },
  output: { type: 'object', required: ['id', 'accepted'], properties: { id: { type: 'string' }, accepted: { type: 'boolean' } } },
  guards: { message: { to: '/to', oncePer: '/oncePer' } },
} as const satisfies MessageSpec;

interface MessageSpec {
  readonly name: string;
  readonly title: Text;
  readonly about: string;
  readonly input: Schema;
  readonly output: Schema;
  readonly guards: ActionGuards;
}
