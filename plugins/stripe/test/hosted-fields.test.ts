import { runInNewContext } from 'node:vm';
import { describe, expect, test } from '@jest/globals';
import type { MountHostedFields } from '@kassaflow/plugin-sdk';
import { fieldsFor, hostedFields } from '../src/hosted-fields.ts';
import { Fixture } from './fixture.ts';

const at = new Fixture();
const KEY = 'pk_test_localserver1';
const JPY = { amount: '1250', currency: 'JPY' };

/** Stripe.js as the page would load it: what it was given, and what it makes of what was typed. */
function mounted(outcome: { wrong?: string; token?: string }) {
  const calls: unknown[] = [];
  const element = {
    on: (event: string, listener: (value: unknown) => void) => (event === 'ready' ? listener(undefined) : undefined),
    mount: (place: unknown) => calls.push(place),
  };
  const elements = {
    create: () => element,
    submit: async () => (outcome.wrong === undefined ? {} : { error: { message: outcome.wrong } }),
  };
  const Stripe = (...given: unknown[]) => {
    calls.push(given);
    return {
      elements: (options: unknown) => (calls.push(options), elements),
      createConfirmationToken: async () => ({ confirmationToken: { id: outcome.token } }),
    };
  };
  const mount = runInNewContext(`(${hostedFields.mount})`, { Stripe, Error, Promise, Number }) as MountHostedFields;
  return { calls, mount };
}

describe('Stripe’s fields on our page', () => {
  test('are for what is typed, in Stripe’s units, and only with the publishable key', () => {
    const context = at.context({ settings: { secretKey: 'sk_test_localserver1', webhookSecrets: [], publishableKey: KEY } as never });
    expect(fieldsFor('card', context, JPY)).toEqual({ fields: { publishableKey: KEY, type: 'card', amount: '1250', currency: 'jpy' } });
    expect(fieldsFor('sepa_debit', context, { amount: '12.50', currency: 'EUR' }).fields).toMatchObject({
      amount: '1250',
      type: 'sepa_debit',
    });
    for (const method of ['ideal', 'apple_pay']) expect(fieldsFor(method, context, JPY)).toEqual({});
    const without = at.context({ settings: { secretKey: 'sk_test_localserver1', webhookSecrets: [] } as never });
    expect(fieldsFor('card', without, JPY)).toEqual({});
  });

  test('make a confirmation token, or say what is wrong', async () => {
    const values = { publishableKey: KEY, type: 'card', amount: '1250', currency: 'eur' };
    const place = { element: 'the place', values, locale: 'da', theme: 'dark' } as const;
    const good = mounted({ token: 'ctoken_1' });
    expect(await (await good.mount(place)).submit()).toEqual({ token: 'ctoken_1' });
    expect(good.calls).toEqual([
      [KEY, { locale: 'da' }],
      { mode: 'payment', amount: 1250, currency: 'eur', paymentMethodTypes: ['card'], appearance: { theme: 'night' } },
      'the place',
    ]);
    const bad = mounted({ wrong: 'Kortnummeret er ufuldstændigt.' });
    await expect((await bad.mount(place)).submit()).rejects.toMatchObject({ message: 'Kortnummeret er ufuldstændigt.' });
  });
});
