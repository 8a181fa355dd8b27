import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { uuidOf } from '../../../kernel/ids.ts';
import { Requires } from '../../../platform/auth/access.ts';
import { CurrentCaller, type Caller } from '../../../platform/auth/caller.ts';
import { Idempotent, IdempotencyKeyValue } from '../../../platform/http/idempotent.ts';
import { positiveMoneySchema } from '../../../platform/http/money-schema.ts';
import { pageFields, pageOf, readCursor } from '../../../platform/http/page.ts';
import { Paged } from '../../../platform/http/paged.ts';
import { paymentErrors } from '../payment.errors.ts';
import { Mandates } from './mandates.service.ts';
import { NewMandates } from './new-mandates.service.ts';

const createMandate = z
  .strictObject({
    customer: z.string(),
    kind: z
      .enum(['sepa-debit', 'card', 'account', 'agreement'])
      .meta({ description: 'account: the payer’s account at the provider; agreement: a recurring agreement in an app' }),
    connection: z.string().max(100).optional().meta({ description: 'Name or id; default: the only or default one that makes mandates' }),
    description: z.string().trim().min(1).max(200).meta({ description: 'What the customer reads' }),
    returnUrl: z.string().max(2_000).optional().meta({ description: 'Where the customer comes back to; default: a page of ours' }),
    pricing: z
      .strictObject({ most: positiveMoneySchema, every: z.enum(['week', 'month', 'year']) })
      .optional()
      .meta({ description: 'The most that will be charged in a period, for providers that show it' }),
  })
  .meta({ id: 'CreateMandate' });

const listMandates = z.strictObject({
  ...pageFields,
  customer: z.string().optional(),
  status: z.enum(['pending', 'active', 'revoked', 'expired']).optional(),
});

@ApiTags('mandates')
@Controller('v1/mandates')
export class MandatesController {
  constructor(
    private readonly mandates: Mandates,
    private readonly newMandates: NewMandates,
  ) {}

  /** Asks a customer for a permission to charge, without a payment; `next` says what the customer has to do. */
  @Post()
  @Requires('payments:write')
  @Idempotent()
  async create(
    @CurrentCaller() caller: Caller,
    @IdempotencyKeyValue() requestKey: string,
    @Body({ schema: createMandate }) body: z.infer<typeof createMandate>,
  ) {
    const { customer, kind, connection, description, returnUrl, pricing } = body;
    const { mandate, next } = await this.newMandates.create(caller.tenantId, {
      customerId: uuidOf('cus', customer),
      kind,
      description,
      requestKey,
      actor: caller.actor,
      ...(connection !== undefined && { connection }),
      ...(returnUrl !== undefined && { returnUrl }),
      ...(pricing && { pricing }),
    });
    return { ...mandate, next };
  }

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

  /** Lets a direct debit mandate be charged again of which too many debits came back. */
  @Post(':id/resume')
  @HttpCode(200)
  @Requires('payments:write')
  resume(@CurrentCaller() caller: Caller, @Param('id') id: string) {
    return this.mandates.resume(caller.tenantId, uuidOf('man', id), caller.actor);
  }
}
