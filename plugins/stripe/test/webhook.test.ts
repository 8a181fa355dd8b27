import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { RawWebhook, Verdict } from '@kassaflow/plugin-sdk';
import { pluginContext, type PluginContext } from '../../../test/providers/plugin-context.ts';
import { startStripeServer, type StripeServer } from '../../../test/providers/stripe-server.ts';
import { stripeSignature } from '../../../test/providers/stripe-webhooks.ts';
import type { Settings } from '../src/settings.ts';
import { webhook } from '../src/webhook.ts';

const SECRET = 'whsec_kassaflow_test';
const AT = 1_795_000_000_000;
/** The provider page's vector: these bytes, this second and this secret give this signature. */
const VECTOR = [
  '{',
  '  "id": "evt_1KASSA",',
  '  "object": "event",',
  '  "api_version": "2026-10-28.endive",',
  '  "created": 1795000000,',
  '  "data": {"object": {"id": "pi_1KASSA", "object": "payment_intent", "amount": 1250, "amount_received": 1250, "currency": "eur", "status": "succeeded", "metadata": {"payment_id": "pay_01"}}},',
  '  "livemode": false,',
  '  "pending_webhooks": 1,',
  '  "request": {"id": "req_1", "idempotency_key": "pay_01:create"},',
  '  "type": "payment_intent.succeeded"',
  '}',
].join('\n');
const VECTOR_HEADER = 't=1795000000,v1=b6d5ec0c6edd1fc20f2f8bf8ad8cba771e4ba8d6e2924374d274db6c1a6572b8';

function context(webhookSecrets: readonly string[] = [SECRET], more: { mode?: 'live'; server?: string } = {}): PluginContext<Settings> {
  return pluginContext({ settings: { secretKey: 'sk_test_localserver', webhookSecrets }, ...more });
}

function delivery(header: string | readonly string[] | undefined, body: string | Uint8Array = VECTOR, receivedAt = AT): RawWebhook {
  return {
    method: 'POST',
    url: 'https://kassaflow.example/webhooks/stripe/con_1',
    headers: header === undefined ? {} : { 'stripe-signature': header },
    body: typeof body === 'string' ? Buffer.from(body) : body,
    receivedAt,
  };
}

function event(type: string, object: Record<string, unknown>): string {
  return JSON.stringify({ id: `evt_${type}`, object: 'event', created: AT / 1000, livemode: false, type, data: { object } });
}

describe('verifying a delivery', () => {
  test('accepts the known vector and gives the event’s id', async () => {
    expect(await webhook.verify(context(), delivery(VECTOR_HEADER))).toEqual({ ok: true, eventId: 'evt_1KASSA', occurredAt: AT });
  });

  test.each<[row: string, what: string, given: RawWebhook, reason: string, secrets?: readonly string[]]>([
    ['B01', 'no signature header', delivery(undefined), 'signature-missing'],
    ['B02', 'an empty header', delivery(''), 'signature-format'],
    ['B02', 'the header sent twice', delivery([VECTOR_HEADER, VECTOR_HEADER]), 'signature-format'],
    ['B03', 'one byte of the body changed', delivery(VECTOR_HEADER, VECTOR.replace('1250', '1251')), 'signature-mismatch'],
    ['B04', 'pitfall 19: the JSON re-serialised', delivery(VECTOR_HEADER, JSON.stringify(JSON.parse(VECTOR))), 'signature-mismatch'],
    ['B04', 'pitfall 19: a byte order mark put before the body', delivery(VECTOR_HEADER, `\uFEFF${VECTOR}`), 'signature-mismatch'],
    ['B05', 'pitfall 18: a timestamp 301 s old', delivery(VECTOR_HEADER, VECTOR, AT + 301_000), 'timestamp-old'],
    ['B05', 'pitfall 18: a timestamp 301 s ahead', delivery(VECTOR_HEADER, VECTOR, AT - 301_000), 'timestamp-future'],
    ['B06', 'a timestamp of letters', delivery('t=abc,v1=00'), 'timestamp-format'],
    ['B06', 'an empty timestamp', delivery('t=,v1=00'), 'timestamp-format'],
    ['B06', 'a timestamp in milliseconds', delivery('t=1795000000000,v1=00'), 'timestamp-format'],
    ['B09', 'signed with a retired secret', delivery(stripeSignature(VECTOR, ['whsec_retired'], AT)), 'signature-mismatch'],
    ['B10', 'signed with the secret of another endpoint', delivery(VECTOR_HEADER), 'signature-mismatch', ['whsec_of_another_endpoint']],
    ['B10', 'no secret set up yet', delivery(VECTOR_HEADER), 'signature-mismatch', []],
    ['B21', 'a header without t=', delivery(VECTOR_HEADER.slice(13)), 'signature-format'],
    ['B21', 'a header without v1=', delivery('t=1795000000'), 'signature-format'],
    ['B22', 'only the v0 scheme', delivery(VECTOR_HEADER.replace('v1=', 'v0=')), 'signature-scheme'],
  ])('%s: %s is refused', async (_row, _what, given, reason, secrets = [SECRET]) => {
    expect(await webhook.verify(context(secrets), given)).toMatchObject({ ok: false, reason });
  });

  test('B23, pitfall 25: a test event at a live connection is refused', async () => {
    expect(await webhook.verify(context([SECRET], { mode: 'live' }), delivery(VECTOR_HEADER))).toEqual({
      ok: false,
      reason: 'mode-mismatch',
    });
  });

  test.each<[what: string, signedWith: readonly string[], known: readonly string[]]>([
    ['the second of two signatures', ['whsec_new_one', SECRET], [SECRET]],
    ['the second of two secrets', [SECRET], ['whsec_new_one', SECRET]],
  ])('B08: %s counts', async (_what, signedWith, known) => {
    expect(await webhook.verify(context(known), delivery(stripeSignature(VECTOR, signedWith, AT)))).toMatchObject({ ok: true });
  });

  test('pitfall 18: accepts exactly 300 s in both directions, by the time of receipt', async () => {
    for (const receivedAt of [AT - 300_000, AT + 300_999]) {
      expect(await webhook.verify(context(), delivery(VECTOR_HEADER, VECTOR, receivedAt))).toMatchObject({ ok: true });
    }
  });

  test('B12: what is signed but not JSON is kept under its hash and translated to nothing', async () => {
    const given = delivery(stripeSignature('not json', [SECRET], AT), 'not json');
    const verdict: Verdict = await webhook.verify(context(), given);
    expect(verdict).toMatchObject({ ok: true, eventId: expect.stringMatching(/^unreadable-[0-9a-f]{64}$/) });
    expect(await webhook.translate(context(), given)).toEqual([]);
  });
});

describe('translating a delivery', () => {
  let stripe: StripeServer;
  beforeEach(async () => {
    stripe = await startStripeServer();
  });
  afterEach(() => stripe.close());

  test.each([
    [
      'checkout.session.completed',
      { id: 'cs_1', client_reference_id: 'pay_01', metadata: {} },
      { kind: 'payment', providerId: 'cs_1', reference: 'pay_01' },
    ],
    [
      'payment_intent.succeeded',
      { id: 'pi_1', metadata: { payment_id: 'pay_01' } },
      { kind: 'payment', providerId: 'pi_1', reference: 'pay_01' },
    ],
    [
      'charge.succeeded',
      { id: 'ch_1', payment_intent: 'pi_1', metadata: { payment_id: 'pay_01' } },
      { kind: 'payment', providerId: 'pi_1', reference: 'pay_01' },
    ],
    [
      'charge.refunded',
      { id: 'ch_1', payment_intent: 'pi_1', metadata: { payment_id: 'pay_01' } },
      { kind: 'refund', providerId: 'pi_1', reference: 'pay_01' },
    ],
    [
      'refund.updated',
      { id: 're_1', payment_intent: 'pi_1', metadata: { payment_id: 'pay_01' } },
      { kind: 'refund', providerId: 'pi_1', reference: 'pay_01' },
    ],
    ['mandate.updated', { id: 'mandate_1' }, { kind: 'mandate', providerId: 'mandate_1' }],
    ['payout.paid', { id: 'po_1' }, { kind: 'settlement', providerId: 'po_1' }],
  ])('%s', async (type, object, signal) => {
    expect(await webhook.translate(context(), delivery('', event(type, object)))).toEqual([{ ...signal, type, occurredAt: AT }]);
  });

  test('B13, pitfall 30: an unknown type tells nothing', async () => {
    expect(await webhook.translate(context(), delivery('', event('climate.order.created', { id: 'x' })))).toEqual([]);
  });

  test('B25: an event without an object tells nothing', async () => {
    expect(await webhook.translate(context(), delivery('', VECTOR.replace(/"object": \{.*\}\}/, '"object": null')))).toEqual([]);
  });

  test('a dispute finds our payment through its payment intent', async () => {
    const session = await createSession(stripe);
    const { id } = stripe.pay(session);
    const signals = await webhook.translate(
      context([SECRET], { server: stripe.url }),
      delivery('', event('charge.dispute.created', { id: 'dp_1', payment_intent: id })),
    );
    expect(signals).toEqual([{ kind: 'chargeback', type: 'charge.dispute.created', providerId: id, reference: 'pay_01', occurredAt: AT }]);
  });

  test('pitfall 24: a dispute of a payment that this account does not know is told of, and is nobody’s', async () => {
    const given = delivery('', event('charge.dispute.created', { id: 'dp_1', payment_intent: 'pi_of_somebody_else' }));
    expect(await webhook.translate(context([SECRET], { server: stripe.url }), given)).toEqual([
      { kind: 'chargeback', type: 'charge.dispute.created', providerId: 'pi_of_somebody_else', occurredAt: AT },
    ]);
  });

  test('a dispute whose intent cannot be fetched is left to be read again', async () => {
    stripe.faults.add({ match: 'GET', action: '500-before' });
    const given = delivery('', event('charge.dispute.created', { id: 'dp_1', payment_intent: 'pi_1' }));
    await expect(async () => webhook.translate(context([SECRET], { server: stripe.url }), given)).rejects.toThrow('could not be looked up');
  });
});

async function createSession(stripe: StripeServer): Promise<string> {
  const form = {
    mode: 'payment',
    success_url: 'https://shop.example',
    'line_items[0][quantity]': '1',
    'line_items[0][price_data][currency]': 'eur',
    'line_items[0][price_data][unit_amount]': '1250',
    'line_items[0][price_data][product_data][name]': 'Credits',
    'payment_intent_data[metadata][payment_id]': 'pay_01',
  };
  const answer = await fetch(`${stripe.url}/v1/checkout/sessions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${stripe.apiKey}`, 'idempotency-key': 'k' },
    body: new URLSearchParams(form),
  });
  const { id } = (await answer.json()) as { id: string };
  return id;
}
