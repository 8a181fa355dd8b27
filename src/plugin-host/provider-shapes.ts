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

const mandate = {
  type: 'object',
  required: ['providerId', 'kind', 'state'],
  properties: {
    providerId: id,
    kind: { enum: ['sepa-debit', 'card', 'account', 'agreement'] },
    state: { enum: ['pending', 'active', 'revoked', 'expired'] },
    customer: id,
    label: { type: 'string', maxLength: 100 },
    fingerprint: id,
    validUntil: moment,
  },
};

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
        network: {
          type: 'object',
          required: ['scheme', 'code'],
          properties: { scheme: { enum: ['sepa', 'visa', 'mastercard'] }, code: { type: 'string', minLength: 1, maxLength: 20 } },
        },
        retryable: { type: 'boolean' },
      },
    },
    refunds: {
      type: 'array',
      maxItems: 1_000,
      items: {
        type: 'object',
        required: ['providerId', 'amount', 'state'],
        properties: { providerId: id, reference: id, amount: minor, state: { enum: ['pending', 'done', 'failed'] }, failure: shortText },
      },
    },
    disputes: {
      type: 'array',
      maxItems: 100,
      items: {
        type: 'object',
        required: ['providerId', 'state', 'amount'],
        properties: {
          providerId: id,
          state: { enum: ['inquiry', 'opened', 'won', 'lost'] },
          amount: minor,
          reason: shortText,
          respondBy: moment,
        },
      },
    },
    mandate,
    provisionalUntil: moment,
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
const method = {
  type: 'object',
  required: ['id', 'title', 'flows'],
  properties: {
    id: { type: 'string', pattern: '^[a-z0-9][a-z0-9-]{0,63}$' },
    title: { type: 'string', minLength: 1, maxLength: 200 },
    flows: { type: 'array', maxItems: 5, items: { enum: ['redirect', 'hosted-fields', 'push', 'qr', 'tap'] } },
    least: minor,
    most: minor,
    saves: { type: 'boolean' },
    imageUrl: { type: 'string', pattern: '^https://', maxLength: 1_000 },
    fields: { type: 'object', maxProperties: 20, additionalProperties: { type: 'string', maxLength: 1_000 } },
  },
};
const createdMandate = { type: 'object', required: ['facts', 'next'], properties: { facts: mandate, next: nextStep } };
const decimal = { type: 'string', pattern: '^-?[0-9]{1,15}([.][0-9]{1,6})?$' };
const settlements = {
  type: 'object',
  required: ['lines'],
  properties: {
    next: { type: 'string', minLength: 1, maxLength: 1_000 },
    lines: {
      type: 'array',
      maxItems: 2_000,
      items: {
        type: 'object',
        required: ['providerId', 'kind', 'currency', 'gross', 'fee', 'net', 'bookedAt'],
        properties: {
          providerId: id,
          payout: id,
          kind: { enum: ['payment', 'refund', 'chargeback', 'chargeback-reversal', 'fee', 'payout', 'adjustment', 'unknown'] },
          providerType: { type: 'string', maxLength: 200 },
          payment: id,
          reference: { type: 'string', maxLength: 255 },
          refund: id,
          currency: { type: 'string', pattern: '^[A-Z]{3}$' },
          gross: decimal,
          fee: decimal,
          feeVat: decimal,
          net: decimal,
          exchanged: {
            type: 'object',
            required: ['gross', 'currency'],
            properties: { gross: decimal, currency: { type: 'string', pattern: '^[A-Z]{3}$' } },
          },
          bookedAt: moment,
          bookedOn: { type: 'string', pattern: '^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$' },
        },
      },
    },
  },
};
const registered = {
  type: 'object',
  required: ['providerId'],
  properties: { providerId: id, secrets: { type: 'object', additionalProperties: { type: 'string', maxLength: 4_000 } } },
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
  'payments.methods': shape({ type: 'array', maxItems: 200, items: method }, false),
  'payments.charge': shape(created, true),
  'payments.settlements': shape(settlements, false),
  'mandates.create': shape(createdMandate, true),
  'mandates.fetch': shape(mandate, false),
  'mandates.revoke': shape(mandate, true),
  'webhook.register': shape(registered, true),
  'webhook.unregister': shape({}, true, true),
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
