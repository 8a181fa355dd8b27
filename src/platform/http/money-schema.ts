/** Money at the HTTP edge: the wire form in, the kernel's `Money` out. */
import { z } from 'zod';
import { isKassaflowError } from '../../kernel/errors.ts';
import { parseMoney, type Money } from '../../kernel/money.ts';

/** The wire form, for answers and for OpenAPI. */
export const wireMoneySchema = z
  .strictObject({
    amount: z.string().meta({ description: 'Decimal number with exactly the decimals of the currency', example: '12.50' }),
    currency: z.string().meta({ description: 'ISO 4217 code', example: 'EUR' }),
  })
  .meta({ id: 'Money', description: 'An exact amount of money' });

/** Parses `{"amount":"12.50","currency":"EUR"}` into `Money`; problems carry the codes `money.*`. */
export const moneySchema = wireMoneySchema.transform((wire, context): Money => parsed(wire, context));

/** As {@link moneySchema}, and more than zero: what can be charged or refunded. */
export const positiveMoneySchema = moneySchema.refine((money) => money.minor > 0n, {
  path: ['amount'],
  error: 'The amount must be more than zero',
  params: { code: 'request.range' },
});

function parsed(wire: { amount: string; currency: string }, context: z.core.ParsePayload): Money {
  try {
    return parseMoney(wire);
  } catch (error) {
    if (!isKassaflowError(error)) throw error;
    const path = error.code === 'money.unknown-currency' ? ['currency'] : ['amount'];
    context.issues.push({ code: 'custom', message: error.message, path, input: wire, params: { code: error.code } });
    return z.NEVER;
  }
}
