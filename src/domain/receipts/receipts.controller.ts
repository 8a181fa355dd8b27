import { Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { uuidOf } from '../../kernel/ids.ts';
import { Requires } from '../../platform/auth/access.ts';
import { CurrentCaller, type Caller } from '../../platform/auth/caller.ts';
import { Idempotent } from '../../platform/http/idempotent.ts';
import { pageFields, pageOf, readCursor } from '../../platform/http/page.ts';
import { Paged } from '../../platform/http/paged.ts';
import { Receipts } from './receipts.service.ts';

const listReceipts = z.strictObject({
  ...pageFields,
  customer: z.string().optional(),
  number: z.string().max(40).optional().meta({ description: 'As the customer reads it out', example: 'R-8R9S-0T1V-2W3Z' }),
});
const listVersions = z.strictObject(pageFields);

@ApiTags('receipts')
@Controller('v1')
export class ReceiptsController {
  constructor(private readonly receipts: Receipts) {}

  /** Each receipt in its newest version, newest payment first. */
  @Get('receipts')
  @Requires('payments:read')
  @Paged()
  async list(@CurrentCaller() caller: Caller, @Query({ schema: listReceipts }) query: z.infer<typeof listReceipts>) {
    const { limit, customer, number } = query;
    const filter = { customer, number };
    const after = readCursor(query.cursor, filter)?.[0];
    const rows = await this.receipts.list(caller.tenantId, {
      limit: limit + 1,
      after: after === undefined ? undefined : uuidOf('rcp', after),
      customerId: customer === undefined ? undefined : uuidOf('cus', customer),
      number: number?.trim().toUpperCase(),
    });
    return pageOf(
      rows,
      { limit, filter },
      ({ id }) => [id],
      (receipt) => receipt,
    );
  }

  /** What the customer paid and what of it is still ours. */
  @Get('payments/:id/receipt')
  @Requires('payments:read')
  get(@CurrentCaller() caller: Caller, @Param('id') id: string) {
    return this.receipts.get(caller.tenantId, uuidOf('pay', id));
  }

  /** Every version, oldest first; none of them ever changes. */
  @Get('payments/:id/receipt/versions')
  @Requires('payments:read')
  @Paged()
  async versions(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Query({ schema: listVersions }) { limit, cursor }: z.infer<typeof listVersions>,
  ) {
    const filter = { payment: id };
    const after = Number(readCursor(cursor, filter)?.[0] ?? 0);
    const rows = await this.receipts.versions(caller.tenantId, uuidOf('pay', id), { limit: limit + 1, after });
    return pageOf(
      rows,
      { limit, filter },
      ({ version }) => [String(version)],
      (receipt) => receipt,
    );
  }

  /** Gives the receipt's page another address; the old one opens nothing any more. */
  @Post('payments/:id/receipt/renew-link')
  @HttpCode(200)
  @Requires('payments:write')
  @Idempotent()
  renewLink(@CurrentCaller() caller: Caller, @Param('id') id: string) {
    return this.receipts.renewLink(caller.tenantId, uuidOf('pay', id), caller.actor);
  }
}
