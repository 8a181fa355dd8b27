import { runInNewContext } from 'node:vm';
import { describe, expect, test } from '@jest/globals';
import type { MountHostedFields } from '@kassaflow/plugin-sdk';
import { hostedFields } from '../src/hosted-fields.ts';
import { methods } from '../src/methods.ts';
import { euros, Fixture, valueOf } from './fixture.ts';

const at = new Fixture();
const PROFILE = 'pfl_QkEhN94Ba';

/** Mollie.js as the page would load it: what it was given, and what it makes of a card. */
function mounted(token: { token?: string; error?: { message: string } }) {
  const calls: unknown[] = [];
  const Mollie = (...given: unknown[]) => {
    calls.push(given);
    return {
      createComponent: (kind: string) => ({ mount: (element: unknown) => calls.push([kind, element]) }),
      createToken: async () => token,
    };
  };
  const mount = runInNewContext(`(${hostedFields.mount})`, { Mollie, Error }) as MountHostedFields;
  return { calls, mount };
}

describe('card fields on our page', () => {
  test('come with cards alone, and only when the profile is known', async () => {
    const offered = async (settings: object) =>
      valueOf(await methods(at.context({ settings: { apiKey: at.mollie.apiKey, ...settings } }), { amount: euros('12.50'), locale: 'nl' }));
    expect((await offered({})).filter(({ fields }) => fields)).toEqual([]);
    const withFields = (await offered({ profileId: PROFILE })).filter(({ fields }) => fields);
    expect(withFields).toMatchObject([{ id: 'card', fields: { profileId: PROFILE, testmode: 'true', locale: 'nl_NL' } }]);
  });

  test('make a token of the card, or say what is wrong with it', async () => {
    const values = { profileId: PROFILE, testmode: 'true', locale: 'nl_NL' };
    const place = { element: 'the place', values, locale: 'nl', theme: 'light' } as const;
    const good = mounted({ token: 'tkn_1' });
    expect(await (await good.mount(place)).submit()).toEqual({ token: 'tkn_1' });
    expect(good.calls).toEqual([
      [PROFILE, { testmode: true, locale: 'nl_NL' }],
      ['card', 'the place'],
    ]);
    const bad = mounted({ error: { message: 'Vul een kaartnummer in' } });
    await expect((await bad.mount(place)).submit()).rejects.toMatchObject({ message: 'Vul een kaartnummer in' });
  });
});
