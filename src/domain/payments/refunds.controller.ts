import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { uuidOf } from '../../kernel/ids.ts';
import { Requires } from '../../platform/auth/access.ts';
import { CurrentCaller, type Caller } from '../../platform/auth/caller.ts';
import { Idempotent, IdempotencyKeyValue } from '../../platform/http/idempotent.ts';
import { positiveMoneySchema } from '../../platform/http/money-schema.ts';
import { pageFields, pageOf, readCursor } from '../../platform/http/page.ts';
import { Paged } from '../../platform/http/paged.ts';
import { Refunds } from './refunds.service.ts';

const createRefund = z
  .strictObject({
    payment: z.string(),
    amount: positiveMoneySchema.optional().meta({ description: 'Default: all that is left of the payment' }),
    reason: z.string().trim().max(500).default(''),
    credits: z.int().min(0).max(1_000_000_000).default(0).meta({ description: 'Credits that go back with the money; a flow takes them' }),
    awaitApproval: z.boolean().default(false).meta({ description: 'Only record it; POST /v1/refunds/{id}/send or a flow carries it out' }),
  })
  .meta({ id: 'CreateRefund' });
const cancelRefund = z.strictObject({ reason: z.string().trim().max(500).default('') }).meta({ id: 'CancelRefund' });
const listRefunds = z.strictObject({ ...pageFields, payment: z.string().optional() });

@ApiTags('refunds')
@Controller('v1/refunds')
export class RefundsController {
  constructor(private readonly refunds: Refunds) {}

  @Post()
  @Requires('payments:write')
  @Idempotent()
  create(
    @CurrentCaller() caller: Caller,
    @IdempotencyKeyValue() requestKey: string,
    @Body({ schema: createRefund }) body: z.infer<typeof createRefund>,
  ) {
    const { payment, amount, reason, credits, awaitApproval } = body;
    return this.refunds.request(caller.tenantId, {
      paymentId: uuidOf('pay', payment),
      reason,
      credits,
      awaitApproval,
      requestKey,
      actor: caller.actor,
      ...(amount && { amount }),
    });
  }

  @Get()
  @Requires('payments:read')
  @Paged()
  async list(@CurrentCaller() caller: Caller, @Query({ schema: listRefunds }) query: z.infer<typeof listRefunds>) {
    const filter = { payment: query.payment };
    const after = readCursor(query.cursor, filter)?.[0];
    const rows = await this.refunds.list(caller.tenantId, {
      limit: query.limit + 1,
      after: after === undefined ? undefined : uuidOf('ref', after),
      payment: query.payment === undefined ? undefined : uuidOf('pay', query.payment),
    });
    return pageOf(
      rows,
      { limit: query.limit, filter },
      ({ id }) => [id],
      (refund) => refund,
    );
  }

  @Get(':id')
  @Requires('payments:read')
  get(@CurrentCaller() caller: Caller, @Param('id') id: string) {
    return this.refunds.get(caller.tenantId, uuidOf('ref', id));
  }

  /** Carries out a refund that awaited approval. Repeating it sends nothing twice. Whoever asked for it cannot. */
  @Post(':id/send')
  @HttpCode(200)
  @Requires('payments:write')
  send(@CurrentCaller() caller: Caller, @Param('id') id: string) {
    return this.refunds.send(caller.tenantId, uuidOf('ref', id), caller.actor);
  }

  /** Calls off a refund that waits for approval, or for the card at a terminal. */
  @Post(':id/cancel')
  @HttpCode(200)
  @Requires('payments:write')
  cancel(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Body({ schema: cancelRefund }) { reason }: z.infer<typeof cancelRefund>,
  ) {
    return this.refunds.cancel(caller.tenantId, uuidOf('ref', id), { actor: caller.actor, reason });
  }
}
