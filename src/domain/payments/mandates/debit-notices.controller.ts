import { Body, Controller, Get, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { uuidOf } from '../../../kernel/ids.ts';
import { Requires } from '../../../platform/auth/access.ts';
import { CurrentCaller, type Caller } from '../../../platform/auth/caller.ts';
import { Idempotent, IdempotencyKeyValue } from '../../../platform/http/idempotent.ts';
import { positiveMoneySchema } from '../../../platform/http/money-schema.ts';
import { pageFields, pageOf, readCursor } from '../../../platform/http/page.ts';
import { Paged } from '../../../platform/http/paged.ts';
import { AnnounceDebits } from './announce-debits.service.ts';

const createNotice = z
  .strictObject({
    invoice: z.string(),
    amount: positiveMoneySchema.optional().meta({ description: 'Default: all that is open on the invoice' }),
    mandate: z.string().optional().meta({ description: "Default: the customer's newest that can be charged" }),
    dueOn: z.iso.date().optional().meta({ description: 'Default: the first bank day that the notice allows' }),
  })
  .meta({ id: 'CreateDebitNotice' });

const listNotices = z.strictObject({ ...pageFields, invoice: z.string().optional() });

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

  /** The evidence: what was announced to whom, for which day. */
  @Get()
  @Requires('payments:read')
  @Paged()
  async list(@CurrentCaller() caller: Caller, @Query({ schema: listNotices }) query: z.infer<typeof listNotices>) {
    const filter = { invoice: query.invoice };
    const after = readCursor(query.cursor, filter)?.[0];
    const rows = await this.announce.list(caller.tenantId, {
      limit: query.limit + 1,
      after: after === undefined ? undefined : uuidOf('ntc', after),
      invoiceId: query.invoice === undefined ? undefined : uuidOf('inv', query.invoice),
    });
    return pageOf(
      rows,
      { limit: query.limit, filter },
      ({ id }) => [id],
      (notice) => notice,
    );
  }
}
