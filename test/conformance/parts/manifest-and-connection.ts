import { randomUUID } from 'node:crypto';
import { subject as mollie } from '../../../plugins/mollie/test/conformance.ts';
import { subject as sandbox } from '../../../plugins/sandbox/test/conformance.ts';
import { subject as vipps } from '../../../plugins/vipps-mobilepay/test/conformance.ts';
import { subject as coin } from '../coin/test/conformance.ts';
import { payments, check, everyAction, mapped, withSetting, type Row } from './replace.ts';

export const MANIFEST_ROWS: readonly Row[] = [
  ['M1: has a version that is none', coin, () => ({ version: 'one' }), ['M1'], /a version such as 1\.0\.0/],
  ['M3: has no title in English', coin, () => ({ title: { en: '' } }), ['M3'], /a title in English/],
  ['M4: describes a setting outside of the subset', coin, (was) => withSetting(was, { type: 'string', oneOf: [] }), ['M4'], /oneOf/],
  ['M5: shows a sample that does not fit', sandbox, everyAction(() => ({ sample: { id: 7 } })), ['M5'], /\/id is no text|is missing/],
  [
    'M7: leaves a phone number unmarked',
    sandbox,
    everyAction(() => ({ input: { type: 'object', properties: { phone: { type: 'string' } } } })),
    ['M7'],
    /x-personal/,
  ],
  ['M8: calls a host that it does not name', coin, () => ({ hosts: [] }), ['M8'], /hosts of the manifest|^ok/],
  ['M9: names two actions alike', sandbox, everyAction(() => ({ name: 'text.send' })), ['M9'], /each name once/],
  [
    'C1: hides whose account it is',
    coin,
    check(() => async () => ({ ok: true, account: ' ', mode: 'test' })),
    ['C1', 'C2', 'C3', 'C4'],
    /name or id of the account/,
  ],
  [
    'C1: calls somebody past the gateway',
    coin,
    check((was) => async (context) => {
      await fetch('https://statistics.coin.test/').catch(() => undefined);
      return was(context);
    }),
    ['C1', 'C2', 'C3', 'C4'],
    /context\.fetch and context\.agent alone.*statistics\.coin\.test/,
  ],
  [
    'C2: takes any key',
    coin,
    check((was) => async (context) => ({ ...(await was(context)), ok: true, account: 'x', mode: 'test' })),
    ['C2', 'C3', 'C4'],
    /a refusal/,
  ],
  [
    'C3: blames the key for a cut line',
    coin,
    check((was) => async (context) => ({ field: 'apiKey', ...(await was(context)) })),
    ['C3'],
    /without a field/,
  ],
  [
    'C4: sends a live key',
    coin,
    payments((was) => ({ create: (context, order) => was.create({ ...context, mode: 'live' }, order) })),
    ['C4'],
    /nothing sent with a live key/,
  ],
  [
    'C5: fetches a token for every call',
    vipps,
    check((was) => (context) => was({ ...context, connection: { ...context.connection, id: randomUUID() } })),
    ['C5'],
    /one request for a token.*10/,
  ],
  [
    'C6: offers a way of paying twice',
    mollie,
    payments((was) => ({ methods: async (context, asked) => mapped(await was.methods(context, asked), (list) => [...list, ...list]) })),
    ['C6'],
    /each way of paying once/,
  ],
];
