/**
 * The answers of a plugin's capabilities, as JSON Schema: the wire form of the SDK's types.
 * Extra fields are allowed, so that a plugin built against a later SDK still works.
 */
import { DECLINE_REASONS } from '@kassaflow/plugin-sdk';
import type { ProviderMethod } from './provider-calls.ts';
import { compileJsonSchema, type Validator } from './schema-validator.ts';

const MAX = Number.MAX_SAFE_INTEGER;
const minor = { type: 'integer', minimum: 0, maximum: MAX };
const moment = { type: 'integer', minimum: 0, maximum: 8_640_000_000_000_000 };
const id = { type: 'string', minLength: 1, maxLength: 255 };
const shortText = { type: 'string', maxLength: 500 };

const facts = {
  type: 'object',
  required: [
    'providerState',
    'currency',
    'started',
    'authorized',
    'voided',
    'captured',
    'refunded',
    'refundPending',
    'chargedBack',
    'fetchStartedAt',
  ],
  properties: {
    providerState: shortText,
    currency: { type: 'string', pattern: '^[A-Z]{3}$' },
    started: { type: 'boolean' },
    ended: { enum: ['failed', 'cancelled', 'expired'] },
    authorized: minor,
    voided: minor,
    captured: minor,
    refunded: minor,
    refundPending: minor,
    chargedBack: minor,
    fetchStartedAt: moment,
    captureBefore: moment,
    method: shortText,
    fee: { type: 'integer', minimum: -MAX, maximum: MAX },
    failure: {
      type: 'object',
      required: ['reason', 'retryable'],
      properties: {
        reason: { enum: DECLINE_REASONS },
        providerCode: shortText,
        retryable: { type: 'boolean' },
      },
    },
  },
};

const nextStep = {
  type: 'object',
  required: ['kind'],
  oneOf: [
    { properties: { kind: { const: 'none' } } },
    { required: ['url'], properties: { kind: { const: 'redirect' }, url: { type: 'string', pattern: '^https?://', maxLength: 4_000 } } },
    {
      required: ['clientSecret', 'publishableKey'],
      properties: { kind: { const: 'hosted-fields' }, clientSecret: shortText, publishableKey: shortText },
    },
    { required: ['expiresAt'], properties: { kind: { const: 'push' }, expiresAt: moment } },
    {
      required: ['payload', 'expiresAt'],
      properties: { kind: { const: 'qr' }, payload: { type: 'string', maxLength: 8_000 }, expiresAt: moment },
    },
  ],
};

const created = { type: 'object', required: ['providerId', 'facts', 'next'], properties: { providerId: id, facts, next: nextStep } };
const refund = {
  type: 'object',
  required: ['providerId', 'state'],
  properties: { providerId: id, state: { enum: ['pending', 'done', 'failed'] } },
};
const posted = { type: 'object', required: ['entry'], properties: { entry: id, number: shortText } };

/** How one method behaves: its answer, and whether it changes anything at the provider. */
export interface MethodShape {
  readonly check: Validator;
  readonly changes: boolean;
  /** `ok` without a value says that there is no such thing. */
  readonly absentAllowed: boolean;
}

const shape = (schema: object, changes: boolean, absentAllowed = false): MethodShape => ({
  check: compileJsonSchema(schema),
  changes,
  absentAllowed,
});

export const METHOD_SHAPES: Readonly<Record<ProviderMethod, MethodShape>> = {
  'payments.create': shape(created, true),
  'payments.fetch': shape(facts, false),
  'payments.find': shape(created, false, true),
  'payments.capture': shape(facts, true),
  'payments.cancel': shape(facts, true),
  'payments.refund': shape(refund, true),
  'accounting.post': shape(posted, true),
  'accounting.find': shape(posted, false, true),
  'accounting.reverse': shape(posted, true),
};

export const checkCheckResult = compileJsonSchema({
  type: 'object',
  required: ['ok'],
  oneOf: [
    { required: ['account', 'mode'], properties: { ok: { const: true }, account: shortText, mode: { enum: ['test', 'live'] } } },
    { required: ['message'], properties: { ok: { const: false }, message: { type: 'string', maxLength: 1_000 }, field: shortText } },
  ],
});

export const checkVerdict = compileJsonSchema({
  type: 'object',
  required: ['ok'],
  oneOf: [
    { required: ['eventId'], properties: { ok: { const: true }, eventId: id, occurredAt: moment } },
    {
      required: ['reason'],
      properties: {
        ok: { const: false },
        reason: {
          enum: [
            'signature-missing',
            'signature-format',
            'signature-scheme',
            'signature-mismatch',
            'timestamp-format',
            'timestamp-old',
            'timestamp-future',
            'mode-mismatch',
          ],
        },
        hint: shortText,
      },
    },
  ],
});

export const checkSignals = compileJsonSchema({
  type: 'array',
  maxItems: 1_000,
  items: {
    type: 'object',
    required: ['kind', 'type'],
    properties: {
      kind: { enum: ['payment', 'refund', 'chargeback', 'mandate', 'settlement', 'message', 'other'] },
      type: { type: 'string', maxLength: 200 },
      providerId: id,
      reference: { type: 'string', maxLength: 255 },
      occurredAt: moment,
    },
  },
});
