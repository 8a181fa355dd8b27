import { Body, Controller, Get, Put } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { Requires } from '../../platform/auth/access.ts';
import { CurrentCaller, type Caller } from '../../platform/auth/caller.ts';
import { PortalOrigins } from './portal-origins.ts';

const replaceOrigins = z
  .strictObject({
    origins: z
      .array(z.string().max(300))
      .max(50)
      .meta({ example: ['https://shop.example'], description: 'All of them: what is left out is taken off the list' }),
  })
  .meta({ id: 'PortalOrigins' });

@ApiTags('checkout')
@Controller('v1/portal-origins')
export class PortalOriginsController {
  constructor(private readonly origins: PortalOrigins) {}

  /** Where payers may be led back to, and whose pages may ask about a checkout session. */
  @Get()
  @Requires('connections:read')
  async list(@CurrentCaller() { tenantId }: Caller) {
    return { origins: await this.origins.list(tenantId) };
  }

  /** Replaces the list. In live mode return addresses must be of one of these. */
  @Put()
  @Requires('connections:write')
  async replace(
    @CurrentCaller() { tenantId, actor, mode }: Caller,
    @Body({ schema: replaceOrigins }) body: z.infer<typeof replaceOrigins>,
  ) {
    return { origins: await this.origins.replace(tenantId, body.origins, { actor, mode }) };
  }
}
