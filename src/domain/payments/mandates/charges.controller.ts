import { Body, Controller, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { uuidOf } from '../../../kernel/ids.ts';
import { Requires } from '../../../platform/auth/access.ts';
import { CurrentCaller, type Caller } from '../../../platform/auth/caller.ts';
import { Idempotent, IdempotencyKeyValue } from '../../../platform/http/idempotent.ts';
import { positiveMoneySchema } from '../../../platform/http/money-schema.ts';
import { Charges } from './charges.service.ts';

const createCharge = z
  .strictObject({
    invoices: z.array(z.string()).max(100).default([]).meta({ description: 'Ids of open invoices of one customer' }),
    amount: positiveMoneySchema.optional().meta({ description: 'Default: all that is open on the invoices' }),
    customer: z.string().optional().meta({ description: 'Needed without invoices and mandate' }),
    mandate: z.string().optional().meta({ description: "Default: the customer's newest that can be charged" }),
    dueOn: z.iso.date().optional().meta({ description: 'When a direct debit is to be taken' }),
    description: z.string().trim().min(1).max(200).optional(),
    returnUrl: z.string().max(2_000).optional().meta({ description: 'Where the customer comes back to, should the bank want to see them' }),
    metadata: z
      .record(z.string().max(40), z.string().max(500))
      .refine((all) => Object.keys(all).length <= 20, { params: { code: 'request.range' } })
      .default({}),
  })
  .meta({ id: 'CreateCharge' });

@ApiTags('mandates')
@Controller('v1/charges')
export class ChargesController {
  constructor(private readonly charges: Charges) {}

  /** Charges a mandate. `status` says how it stands; `link` is there when the bank wants to see the customer. */
  @Post()
  @Requires('payments:write')
  @Idempotent()
  async create(
    @CurrentCaller() caller: Caller,
    @IdempotencyKeyValue() requestKey: string,
    @Body({ schema: createCharge }) body: z.infer<typeof createCharge>,
  ) {
    const { invoices, amount, customer, mandate, dueOn, description, returnUrl, metadata } = body;
    const { payment, next, status, link, decline } = await this.charges.charge(caller.tenantId, {
      invoices: invoices.map((id) => ({ id: uuidOf('inv', id) })),
      metadata,
      requestKey,
      actor: caller.actor,
      ...(amount && { amount }),
      ...(customer !== undefined && { customerId: uuidOf('cus', customer) }),
      ...(mandate !== undefined && { mandateId: uuidOf('man', mandate) }),
      ...(dueOn !== undefined && { dueOn }),
      ...(description !== undefined && { description }),
      ...(returnUrl !== undefined && { returnUrl }),
    });
    return { status, link, decline: decline ?? null, payment: { ...payment, next } };
  }
}
