import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { uuidOf } from '../../../kernel/ids.ts';
import { Requires } from '../../../platform/auth/access.ts';
import { CurrentCaller, type Caller } from '../../../platform/auth/caller.ts';
import { pageFields, pageOf, readCursor } from '../../../platform/http/page.ts';
import { Paged } from '../../../platform/http/paged.ts';
import { Disputes } from './disputes.service.ts';

const listDisputes = z.strictObject({ ...pageFields, payment: z.string().optional() });

@ApiTags('disputes')
@Controller('v1/disputes')
export class DisputesController {
  constructor(private readonly disputes: Disputes) {}

  @Get()
  @Requires('payments:read')
  @Paged()
  async list(@CurrentCaller() caller: Caller, @Query({ schema: listDisputes }) query: z.infer<typeof listDisputes>) {
    const filter = { payment: query.payment };
    const after = readCursor(query.cursor, filter)?.[0];
    const rows = await this.disputes.list(caller.tenantId, {
      limit: query.limit + 1,
      after: after === undefined ? undefined : uuidOf('dis', after),
      payment: query.payment === undefined ? undefined : uuidOf('pay', query.payment),
    });
    return pageOf(
      rows,
      { limit: query.limit, filter },
      ({ id }) => [id],
      (dispute) => dispute,
    );
  }

  @Get(':id')
  @Requires('payments:read')
  get(@CurrentCaller() caller: Caller, @Param('id') id: string) {
    return this.disputes.get(caller.tenantId, uuidOf('dis', id));
  }
}
