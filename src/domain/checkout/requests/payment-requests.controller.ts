import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { uuidOf } from '../../../kernel/ids.ts';
import { Requires } from '../../../platform/auth/access.ts';
import { CurrentCaller, type Caller } from '../../../platform/auth/caller.ts';
import { Config } from '../../../platform/config/config.ts';
import { Idempotent, IdempotencyKeyValue } from '../../../platform/http/idempotent.ts';
import { pageFields, pageOf, readCursor } from '../../../platform/http/page.ts';
import { Paged } from '../../../platform/http/paged.ts';
import { ofOneKind, NOT_OF_ONE_KIND, paidFields, wishedInvoices } from '../../payments/index.ts';
import { PaymentRequests, type RequestView, type RequestWish } from './payment-requests.service.ts';

const createRequest = z
  .strictObject({
    ...paidFields,
    customer: z.string().optional(),
    phone: z
      .string()
      .regex(/^\+[1-9][0-9]{6,14}$/)
      .optional()
      .meta({ description: 'E.164; default: the customer’s', example: '+4520123456' }),
    connection: z.string().max(100).optional().meta({ description: 'Name or id; default: the first that can ask on a phone' }),
    method: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]{0,63}$/)
      .optional(),
    description: z.string().trim().min(1).max(200).optional(),
    returnUrl: z.string().max(2_000).optional().meta({ description: 'For an app that leads back; default: our own address' }),
    expiresInMinutes: z.int().min(1).max(40_320).default(1_440),
    remindAfterMinutes: z.int().min(1).max(40_320).optional().meta({ description: 'When request.reminder-due is to happen' }),
  })
  .refine(ofOneKind, NOT_OF_ONE_KIND)
  .meta({ id: 'CreatePaymentRequest' });
const listRequests = z.strictObject(pageFields);

@ApiTags('payment requests')
@Controller('v1/payment-requests')
export class PaymentRequestsController {
  constructor(
    private readonly requests: PaymentRequests,
    private readonly config: Config,
  ) {}

  /** Asks for a payment on a phone, over one or several invoices. */
  @Post()
  @Requires('payments:write')
  @Idempotent()
  async create(
    @CurrentCaller() { tenantId, actor }: Caller,
    @IdempotencyKeyValue() requestKey: string,
    @Body({ schema: createRequest }) body: z.infer<typeof createRequest>,
  ) {
    return shown(
      await this.requests.create(tenantId, wishOf(body, { requestKey, actor, returnUrl: body.returnUrl ?? this.config.publicUrl })),
    );
  }

  @Get()
  @Requires('payments:read')
  @Paged()
  async list(@CurrentCaller() { tenantId }: Caller, @Query({ schema: listRequests }) query: z.infer<typeof listRequests>) {
    const after = readCursor(query.cursor)?.[0];
    const page = { limit: query.limit + 1, after: after === undefined ? undefined : uuidOf('req', after) };
    return pageOf(
      await this.requests.list(tenantId, page),
      { limit: query.limit, filter: {} },
      ({ id }) => [id],
      (request) => request,
    );
  }

  @Get(':id')
  @Requires('payments:read')
  async get(@CurrentCaller() { tenantId }: Caller, @Param('id') id: string) {
    return shown(await this.requests.get(tenantId, uuidOf('req', id)));
  }

  /** Takes the request back before it is approved. Whether the customer was faster is the provider's word. */
  @Post(':id/cancel')
  @HttpCode(200)
  @Requires('payments:write')
  async cancel(@CurrentCaller() { tenantId, actor }: Caller, @Param('id') id: string) {
    return shown(await this.requests.cancel(tenantId, uuidOf('req', id), actor));
  }
}

function wishOf(body: z.infer<typeof createRequest>, request: Pick<RequestWish, 'requestKey' | 'actor' | 'returnUrl'>): RequestWish {
  const { invoices, amount, customer, phone, connection, method, description, remindAfterMinutes, returnUrl: _, ...rest } = body;
  return {
    ...rest,
    ...request,
    invoices: wishedInvoices(invoices),
    ...(amount && { amount }),
    ...(customer !== undefined && { customerId: uuidOf('cus', customer) }),
    ...(phone !== undefined && { phone }),
    ...(connection !== undefined && { connection }),
    ...(method !== undefined && { method }),
    ...(description !== undefined && { description }),
    ...(remindAfterMinutes !== undefined && { remindAfterMinutes }),
  };
}

function shown({ request, payment }: RequestView) {
  return { ...request, reason: payment?.reason ?? '', invoices: payment?.invoices ?? [] };
}
