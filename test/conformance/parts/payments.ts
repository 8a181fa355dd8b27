import { failed, ok, type PaymentFacts } from '@kassaflow/plugin-sdk';
import { subject as mollie } from '../../../plugins/mollie/test/conformance.ts';
import { subject as coin } from '../coin/test/conformance.ts';
import { payments, factsOf, mapped, type Row } from './replace.ts';

export const PAYMENT_ROWS: readonly Row[] = [
  [
    'P1: tells of money before anybody approved',
    coin,
    payments((was) => ({
      create: async (context, order) =>
        mapped(await was.create(context, order), (made) => ({ ...made, facts: { ...made.facts, captured: 1 } })),
    })),
    ['P1'],
    /no money before/,
  ],
  [
    'P4: forgets a payment together with its key',
    mollie,
    payments((was) => ({
      find: async (context, asked) => (context.now().getTime() - asked.notBefore > was.keyTtlMs ? ok(undefined) : was.find(context, asked)),
    })),
    ['P4'],
    /still, when its key is forgotten/,
  ],
  [
    'P5: proves what it cannot know',
    coin,
    payments((was) => ({
      find: async (context, asked) =>
        mapped(await was.find(context, asked), (found) => found ?? { providerId: 'x', facts: {} as PaymentFacts, next: { kind: 'none' } }),
    })),
    ['P5'],
    /the provider never saw it/,
  ],
  [
    'P7: takes refunds off what was captured',
    coin,
    factsOf(({ captured, refunded }) => ({ captured: captured - refunded })),
    ['P7', 'P11'],
    /still 1250 captured/,
  ],
  [
    'P8: takes every currency for one with two decimals',
    coin,
    payments((was) => ({
      create: (context, order) =>
        was.create(context, { ...order, amount: { ...order.amount, amount: Number(order.amount.amount).toFixed(2) } }),
    })),
    ['P8'],
    /500 captured of 500 JPY/,
  ],
  [
    'P10: says that everything can be cancelled',
    coin,
    payments((was) => ({ cancel: (context, asked) => was.fetch(context, asked) })),
    ['P10'],
    /failed\/permanent once the money was taken|ended as cancelled/,
  ],
  [
    'P12: has one word for every refusal',
    coin,
    factsOf(({ failure }) => (failure ? { failure: { ...failure, reason: 'other' } } : {})),
    ['P12'],
    /the reason insufficient-funds/,
  ],
  [
    'P13: tries a revoked mandate again',
    mollie,
    payments((was) => ({
      charge: async (context, charge) =>
        ((outcome) => (outcome.kind === 'declined' ? failed('temporary', 'Later.') : outcome))(await was.charge(context, charge)),
    })),
    ['P13'],
    /never retried/,
  ],
  [
    'P14: captures the whole for a part',
    coin,
    payments((was) => ({
      capture: (context, { providerId }) => was.capture(context, { providerId, amount: { amount: '12.50', currency: 'EUR' } }),
    })),
    ['P14'],
    /625 captured/,
  ],
  [
    'P15: does not see that the time is over',
    coin,
    factsOf(({ ended }) => (ended === 'expired' ? { ended: 'cancelled' } : {})),
    ['P15'],
    /ended: expired/,
  ],
  [
    'P16: rewrites the return address',
    coin,
    payments((was) => ({ create: (context, order) => was.create(context, { ...order, returnUrl: order.returnUrl.replace('%2F', '/') }) })),
    ['P16'],
    /as it was given|the return address/,
  ],
  [
    'P17: cuts a text in the middle of a character',
    coin,
    payments((was) => ({ create: (context, order) => was.create(context, { ...order, description: order.description.slice(0, 101) }) })),
    ['P17'],
    /middle of a character/,
  ],
  [
    'P18: loses our reference',
    coin,
    payments((was) => ({ find: (context, asked) => was.find(context, { ...asked, reference: 'another' }) })),
    ['P18', 'P4'],
    /the payment coin_/,
  ],
  [
    'P19: charges mandates that nobody can give',
    coin,
    payments(() => ({
      charge: async () => failed('permanent', 'There are no mandates.'),
    })),
    ['P19'],
    /mandates together with payments\.charge/,
  ],
  [
    'P20: waits for as long as it likes',
    coin,
    payments((was) => ({
      create: async (context, order) =>
        ((outcome) => (outcome.kind === 'failed' ? { ...outcome, retryAfterMs: 1 } : outcome))(await was.create(context, order)),
    })),
    ['P20'],
    /7000, as Retry-After said/,
  ],
  [
    'P21: shows the key that was refused',
    coin,
    payments((was) => ({
      create: async (context, order) =>
        ((outcome) => (outcome.kind === 'failed' ? { ...outcome, message: String(context.settings['apiKey']) } : outcome))(
          await was.create(context, order),
        ),
    })),
    ['P21'],
    /no word of the secret/,
  ],
];
