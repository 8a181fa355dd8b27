import { Body, Controller, Get, Put, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { Requires } from '../../platform/auth/access.ts';
import { CurrentCaller, type Caller } from '../../platform/auth/caller.ts';
import { Config } from '../../platform/config/config.ts';
import { PortalOrigins } from './portal-origins.ts';
import { judgeReturnAddress } from './return-address.ts';

const replaceOrigins = z
  .strictObject({
    origins: z
      .array(z.string().max(300))
      .max(50)
      .meta({ example: ['https://shop.example'], description: 'All of them: what is left out is taken off the list' }),
  })
  .meta({ id: 'PortalOrigins' });
const checkAddress = z.strictObject({ address: z.string().max(2_000).meta({ example: 'https://shop.example/thanks' }) });

@ApiTags('checkout')
@Controller('v1/portal-origins')
export class PortalOriginsController {
  constructor(
    private readonly origins: PortalOrigins,
    private readonly config: Config,
  ) {}

  /** Where payers may be led back to, and whose pages may ask about a checkout session and follow what a stream token is for. */
  @Get()
  @Requires('connections:read')
  async list(@CurrentCaller() { tenantId }: Caller) {
    return { origins: await this.origins.list(tenantId) };
  }

  /** Tells whether payers may be led back to an address: `taken`, `not-listed`, or `not-an-address`. */
  @Get('check')
  @Requires('connections:read')
  async check(@CurrentCaller() { tenantId, mode }: Caller, @Query({ schema: checkAddress }) { address }: z.infer<typeof checkAddress>) {
    const listed = await this.origins.list(tenantId);
    return { address, verdict: judgeReturnAddress(address, { own: this.config.publicUrl, listed, mode }) };
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
