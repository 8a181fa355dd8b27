import { Body, Controller, Get, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { uuidOf } from '../../kernel/ids.ts';
import { Requires } from '../../platform/auth/access.ts';
import { CurrentCaller, type Caller } from '../../platform/auth/caller.ts';
import { Idempotent, IdempotencyKeyValue } from '../../platform/http/idempotent.ts';
import { pageFields, pageOf, readCursor } from '../../platform/http/page.ts';
import { Paged } from '../../platform/http/paged.ts';
import { Orders } from './orders.service.ts';

const createOrder = z
  .strictObject({ customer: z.string(), package: z.string(), quantity: z.int().min(1).max(1_000).default(1) })
  .meta({ id: 'CreateOrder' });
const listOrders = z.strictObject({ ...pageFields, customer: z.string().optional() });

@ApiTags('orders')
@Controller('v1/orders')
export class OrdersController {
  constructor(private readonly orders: Orders) {}

  @Post()
  @Requires('orders:write')
  @Idempotent()
  create(
    @CurrentCaller() caller: Caller,
    @IdempotencyKeyValue() requestKey: string,
    @Body({ schema: createOrder }) body: z.infer<typeof createOrder>,
  ) {
    return this.orders.create(caller.tenantId, {
      customerId: uuidOf('cus', body.customer),
      packageId: uuidOf('pkg', body.package),
      quantity: body.quantity,
      requestKey,
    });
  }

  @Get()
  @Requires('orders:read')
  @Paged()
  async list(@CurrentCaller() caller: Caller, @Query({ schema: listOrders }) query: z.infer<typeof listOrders>) {
    const filter = { customer: query.customer };
    const after = readCursor(query.cursor, filter)?.[0];
    const rows = await this.orders.list(caller.tenantId, {
      limit: query.limit + 1,
      after: after === undefined ? undefined : uuidOf('ord', after),
      customer: query.customer === undefined ? undefined : uuidOf('cus', query.customer),
    });
    return pageOf(
      rows,
      { limit: query.limit, filter },
      ({ id }) => [id],
      (order) => order,
    );
  }

  @Get(':id')
  @Requires('orders:read')
  get(@CurrentCaller() caller: Caller, @Param('id') id: string) {
    return this.orders.get(caller.tenantId, uuidOf('ord', id));
  }
}
