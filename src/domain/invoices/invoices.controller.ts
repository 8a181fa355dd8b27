import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { uuidOf } from '../../kernel/ids.ts';
import { toWire } from '../../kernel/money.ts';
import { Requires } from '../../platform/auth/access.ts';
import { CurrentCaller, type Caller } from '../../platform/auth/caller.ts';
import { Idempotent, IdempotencyKeyValue } from '../../platform/http/idempotent.ts';
import { positiveMoneySchema } from '../../platform/http/money-schema.ts';
import { pageFields, pageOf, readCursor } from '../../platform/http/page.ts';
import { Paged } from '../../platform/http/paged.ts';
import { INVOICE_STATES } from './invoice.entity.ts';
import { Invoices } from './invoices.service.ts';
import { netOf, type InvoiceLine } from './vat.ts';

const line = z.strictObject({
  description: z.string().trim().min(1).max(500),
  quantity: z.int().min(1).max(1_000_000),
  unit: positiveMoneySchema.meta({ description: 'Price of one, without VAT' }),
  vatRate: z.int().min(0).max(10_000).meta({ description: 'Per ten thousand: 2100 is 21 %' }),
});
const createInvoice = z
  .strictObject({
    customer: z.string(),
    description: z.string().trim().max(500).default(''),
    lines: z.tuple([line], line).refine((list) => list.length <= 200, { params: { code: 'request.range' } }),
  })
  .meta({ id: 'CreateInvoice' });
const issueInvoice = z.strictObject({ dueInDays: z.int().min(0).max(365).default(14) }).meta({ id: 'IssueInvoice' });
const listInvoices = z.strictObject({ ...pageFields, customer: z.string().optional(), status: z.enum(INVOICE_STATES).optional() });

const writeOff = z.strictObject({ reason: z.string().trim().max(500).default('') }).meta({ id: 'WriteOffInvoice' });

@ApiTags('invoices')
@Controller('v1/invoices')
export class InvoicesController {
  constructor(private readonly invoices: Invoices) {}

  @Post()
  @Requires('invoices:write')
  @Idempotent()
  create(
    @CurrentCaller() caller: Caller,
    @IdempotencyKeyValue() requestKey: string,
    @Body({ schema: createInvoice }) body: z.infer<typeof createInvoice>,
  ) {
    return this.invoices.create(caller.tenantId, { ...body, customerId: uuidOf('cus', body.customer), requestKey });
  }

  @Get()
  @Requires('invoices:read')
  @Paged()
  async list(@CurrentCaller() caller: Caller, @Query({ schema: listInvoices }) query: z.infer<typeof listInvoices>) {
    const filter = { customer: query.customer, status: query.status };
    const after = readCursor(query.cursor, filter)?.[0];
    const rows = await this.invoices.list(caller.tenantId, {
      limit: query.limit + 1,
      after: after === undefined ? undefined : uuidOf('inv', after),
      customer: query.customer === undefined ? undefined : uuidOf('cus', query.customer),
      state: query.status,
    });
    return pageOf(
      rows,
      { limit: query.limit, filter },
      ({ id }) => [id],
      (invoice) => invoice,
    );
  }

  @Get(':id')
  @Requires('invoices:read')
  async get(@CurrentCaller() caller: Caller, @Param('id') id: string) {
    const { invoice, lines } = await this.invoices.get(caller.tenantId, uuidOf('inv', id));
    return { ...invoice, lines: lines.map(wireLine) };
  }

  @Post(':id/issue')
  @HttpCode(200)
  @Requires('invoices:write')
  issue(@CurrentCaller() caller: Caller, @Param('id') id: string, @Body({ schema: issueInvoice }) body: z.infer<typeof issueInvoice>) {
    return this.invoices.issue(caller.tenantId, uuidOf('inv', id), body.dueInDays, caller.actor);
  }

  @Post(':id/cancel')
  @HttpCode(200)
  @Requires('invoices:write')
  cancel(@CurrentCaller() caller: Caller, @Param('id') id: string) {
    return this.invoices.cancel(caller.tenantId, uuidOf('inv', id), caller.actor);
  }

  /** Gives up what is open, as a loss in the books. Money that comes all the same takes it back. */
  @Post(':id/write-off')
  @HttpCode(200)
  @Requires('invoices:write')
  writeOff(@CurrentCaller() caller: Caller, @Param('id') id: string, @Body({ schema: writeOff }) { reason }: z.infer<typeof writeOff>) {
    return this.invoices.writeOff(caller.tenantId, uuidOf('inv', id), reason, caller.actor);
  }
}

function wireLine(item: InvoiceLine) {
  return {
    description: item.description,
    quantity: item.quantity,
    unit: toWire(item.unit),
    vatRate: item.vatRate,
    net: toWire(netOf(item)),
  };
}
