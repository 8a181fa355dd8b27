import { Body, Controller, Get, Put } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { Requires } from '../../platform/auth/access.ts';
import { CurrentCaller, type Caller } from '../../platform/auth/caller.ts';
import { PaymentRoutes } from './payment-routes.service.ts';

/** Whoever has to pass over more than five has another trouble, and the payer waits meanwhile. */
const MOST_CONNECTIONS = 5;
const MOST_ROUTES = 100;
const route = z
  .strictObject({
    method: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]{0,63}$/)
      .nullable()
      .default(null)
      .meta({ example: 'ideal', description: 'null: by any method' }),
    currency: z
      .string()
      .regex(/^[A-Z]{3}$/)
      .nullable()
      .default(null)
      .meta({ example: 'EUR', description: 'null: in any currency' }),
    connections: z
      .array(z.string().max(100))
      .min(1)
      .max(MOST_CONNECTIONS)
      .meta({ description: 'Names or ids, in the order in which they are tried', example: ['main', 'second'] }),
  })
  .meta({ id: 'PaymentRoute' });
const replaceRoutes = z.strictObject({ routes: z.array(route).max(MOST_ROUTES) }).meta({ id: 'ReplacePaymentRoutes' });

/** `/v1/payment-routes`: which connections take which payments. */
@ApiTags('connections')
@Controller('v1/payment-routes')
export class PaymentRoutesController {
  constructor(private readonly routes: PaymentRoutes) {}

  @Get()
  @Requires('connections:read')
  async list(@CurrentCaller() { tenantId }: Caller) {
    return { items: await this.routes.list(tenantId), nextCursor: null };
  }

  /** Replaces all routes at once. Repeating it changes nothing. */
  @Put()
  @Requires('connections:write')
  async replace(@CurrentCaller() { tenantId, actor }: Caller, @Body({ schema: replaceRoutes }) body: z.output<typeof replaceRoutes>) {
    return { items: await this.routes.replace(tenantId, body.routes, actor), nextCursor: null };
  }
}
