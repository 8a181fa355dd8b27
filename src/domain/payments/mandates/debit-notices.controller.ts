import { Body, Controller, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { uuidOf } from '../../../kernel/ids.ts';
import { Requires } from '../../../platform/auth/access.ts';
import { CurrentCaller, type Caller } from '../../../platform/auth/caller.ts';
import { Idempotent, IdempotencyKeyValue } from '../../../platform/http/idempotent.ts';
import { positiveMoneySchema } from '../../../platform/http/money-schema.ts';
import { AnnounceDebits } from './announce-debits.service.ts';

const createNotice = z
  .strictObject({
    invoice: z.string(),
    amount: positiveMoneySchema.optional().meta({ description: 'Default: all that is open on the invoice' }),
    mandate: z.string().optional().meta({ description: "Default: the customer's newest that can be charged" }),
    dueOn: z.iso.date().optional().meta({ description: 'Default: the first bank day that the notice allows' }),
  })
  .meta({ id: 'CreateDebitNotice' });

@ApiTags('mandates')
@Controller('v1/debit-notices')
export class DebitNoticesController {
  constructor(private readonly announce: AnnounceDebits) {}

  /** Announces a direct debit to the customer, and says when it is due and on which day it has to be charged at the latest. */
  @Post()
  @Requires('payments:write')
  @Idempotent()
  create(
    @CurrentCaller() caller: Caller,
    @IdempotencyKeyValue() requestKey: string,
    @Body({ schema: createNotice }) { invoice, amount, mandate, dueOn }: z.infer<typeof createNotice>,
  ) {
    return this.announce.announce(caller.tenantId, {
      invoiceId: uuidOf('inv', invoice),
      requestKey,
      actor: caller.actor,
      ...(amount && { amount }),
      ...(mandate !== undefined && { mandateId: uuidOf('man', mandate) }),
      ...(dueOn !== undefined && { dueOn }),
    });
  }
}
