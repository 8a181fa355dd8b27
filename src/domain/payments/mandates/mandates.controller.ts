import { Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { uuidOf } from '../../../kernel/ids.ts';
import { Requires } from '../../../platform/auth/access.ts';
import { CurrentCaller, type Caller } from '../../../platform/auth/caller.ts';
import { pageFields, pageOf, readCursor } from '../../../platform/http/page.ts';
import { Paged } from '../../../platform/http/paged.ts';
import { paymentErrors } from '../payment.errors.ts';
import { Mandates } from './mandates.service.ts';

const listMandates = z.strictObject({
  ...pageFields,
  customer: z.string().optional(),
  status: z.enum(['pending', 'active', 'revoked', 'expired']).optional(),
});

@ApiTags('mandates')
@Controller('v1/mandates')
export class MandatesController {
  constructor(private readonly mandates: Mandates) {}

  @Get()
  @Requires('payments:read')
  @Paged()
  async list(@CurrentCaller() caller: Caller, @Query({ schema: listMandates }) query: z.infer<typeof listMandates>) {
    const filter = { customer: query.customer, status: query.status };
    const after = readCursor(query.cursor, filter)?.[0];
    const rows = await this.mandates.list(caller.tenantId, {
      limit: query.limit + 1,
      after: after === undefined ? undefined : uuidOf('man', after),
      customer: query.customer === undefined ? undefined : uuidOf('cus', query.customer),
      state: query.status,
    });
    return pageOf(
      rows,
      { limit: query.limit, filter },
      ({ id }) => [id],
      (mandate) => mandate,
    );
  }

  @Get(':id')
  @Requires('payments:read')
  get(@CurrentCaller() caller: Caller, @Param('id') id: string) {
    return this.mandates.get(caller.tenantId, uuidOf('man', id));
  }

  /** Asks the provider now how the mandate stands. @throws payment.provider-answer when it does not say */
  @Post(':id/refresh')
  @HttpCode(200)
  @Requires('payments:write')
  async refresh(@CurrentCaller() caller: Caller, @Param('id') id: string) {
    const result = await this.mandates.refresh(caller.tenantId, uuidOf('man', id));
    const problem = result.kind === 'refused' ? result.message : result.kind === 'again' ? result.problem : undefined;
    if (problem !== undefined) throw paymentErrors['provider-answer']({ problem });
    return this.mandates.get(caller.tenantId, uuidOf('man', id));
  }

  /** Ends the permission, here at once and at the provider. */
  @Post(':id/revoke')
  @HttpCode(200)
  @Requires('payments:write')
  revoke(@CurrentCaller() caller: Caller, @Param('id') id: string) {
    return this.mandates.revoke(caller.tenantId, uuidOf('man', id), caller.actor);
  }
}
