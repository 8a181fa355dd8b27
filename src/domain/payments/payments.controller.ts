import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { paymentStatus } from '../../events/catalogue/subjects.ts';
import { uuidOf } from '../../kernel/ids.ts';
import { Requires } from '../../platform/auth/access.ts';
import { CurrentCaller, type Caller } from '../../platform/auth/caller.ts';
import { Idempotent, IdempotencyKeyValue } from '../../platform/http/idempotent.ts';
import { positiveMoneySchema } from '../../platform/http/money-schema.ts';
import { pageFields, pageOf, readCursor } from '../../platform/http/page.ts';
import { Paged } from '../../platform/http/paged.ts';
import { Authorizations } from './authorizations.service.ts';
import type { PaymentWish } from './new-payment.ts';
import { ofOneKind, NOT_OF_ONE_KIND, paidFields, wishedInvoices } from './paid-fields.ts';
import { paymentErrors } from './payment.errors.ts';
import { Payments, type PaymentView } from './payments.service.ts';

const address = z.string().max(2_000);
const createPayment = z
  .strictObject({
    ...paidFields,
    customer: z.string().optional(),
    connection: z.string().max(100).optional().meta({ description: 'Name or id; default: the only or default one' }),
    method: z
      .string()
      .regex(/^[a-z][a-z0-9-]{1,39}$/)
      .optional()
      .meta({ example: 'ideal' }),
    description: z.string().trim().min(1).max(200).optional(),
    returnUrl: address.meta({ description: 'Where the customer comes back to; https' }),
    cancelUrl: address.optional(),
    capture: z
      .enum(['automatic', 'manual'])
      .default('automatic')
      .meta({ description: 'manual: only reserve the money; POST /v1/payments/{id}/capture takes it' }),
    save: z.boolean().optional().meta({ description: 'The customer agrees to be charged again, by POST /v1/charges' }),
  })
  .refine(ofOneKind, NOT_OF_ONE_KIND)
  .meta({ id: 'CreatePayment' });
const capturePayment = z
  .strictObject({
    amount: positiveMoneySchema.optional().meta({ description: 'Default: all that is reserved and not yet captured' }),
  })
  .meta({ id: 'CapturePayment' });
const listPayments = z.strictObject({ ...pageFields, status: paymentStatus.optional(), customer: z.string().optional() });

@ApiTags('payments')
@Controller('v1/payments')
export class PaymentsController {
  constructor(
    private readonly payments: Payments,
    private readonly authorizations: Authorizations,
  ) {}

  /** Opens a payment at the provider; `next` says where to send the customer. */
  @Post()
  @Requires('payments:write')
  @Idempotent()
  async create(
    @CurrentCaller() caller: Caller,
    @IdempotencyKeyValue() requestKey: string,
    @Body({ schema: createPayment }) body: z.infer<typeof createPayment>,
  ) {
    return wirePayment(await this.payments.create(caller.tenantId, wishOf(body, { requestKey, actor: caller.actor })));
  }

  @Get()
  @Requires('payments:read')
  @Paged()
  async list(@CurrentCaller() caller: Caller, @Query({ schema: listPayments }) query: z.infer<typeof listPayments>) {
    const filter = { status: query.status, customer: query.customer };
    const after = readCursor(query.cursor, filter)?.[0];
    const rows = await this.payments.list(caller.tenantId, {
      limit: query.limit + 1,
      after: after === undefined ? undefined : uuidOf('pay', after),
      state: query.status,
      customer: query.customer === undefined ? undefined : uuidOf('cus', query.customer),
    });
    return pageOf(
      rows,
      { limit: query.limit, filter },
      ({ id }) => [id],
      (payment) => payment,
    );
  }

  @Get(':id')
  @Requires('payments:read')
  async get(@CurrentCaller() caller: Caller, @Param('id') id: string) {
    return wirePayment(await this.payments.get(caller.tenantId, uuidOf('pay', id)));
  }

  /** Asks the provider now how the payment stands. @throws payment.provider-answer when it does not say */
  @Post(':id/refresh')
  @HttpCode(200)
  @Requires('payments:write')
  async refresh(@CurrentCaller() caller: Caller, @Param('id') id: string) {
    const result = await this.payments.refresh(caller.tenantId, uuidOf('pay', id));
    const problem = result.kind === 'refused' ? result.message : result.kind === 'again' ? result.problem : undefined;
    if (problem !== undefined) throw paymentErrors['provider-answer']({ problem });
    return wirePayment(await this.payments.get(caller.tenantId, uuidOf('pay', id)));
  }

  /** Takes reserved money, all of it or a part. */
  @Post(':id/capture')
  @HttpCode(200)
  @Requires('payments:write')
  @Idempotent()
  async capture(
    @CurrentCaller() caller: Caller,
    @IdempotencyKeyValue() requestKey: string,
    @Param('id') id: string,
    @Body({ schema: capturePayment }) { amount }: z.infer<typeof capturePayment>,
  ) {
    const wish = { paymentId: uuidOf('pay', id), requestKey, actor: caller.actor, ...(amount && { amount }) };
    return wirePayment(await this.authorizations.capture(caller.tenantId, wish));
  }

  /** Lets go of a payment of which nothing was taken: nobody can pay it any more, and what was reserved is released. */
  @Post(':id/cancel')
  @HttpCode(200)
  @Requires('payments:write')
  @Idempotent()
  async cancel(@CurrentCaller() caller: Caller, @IdempotencyKeyValue() requestKey: string, @Param('id') id: string) {
    const wish = { paymentId: uuidOf('pay', id), requestKey, actor: caller.actor };
    return wirePayment(await this.authorizations.cancel(caller.tenantId, wish));
  }
}

function wishOf(body: z.infer<typeof createPayment>, request: Pick<PaymentWish, 'requestKey' | 'actor'>): PaymentWish {
  const { invoices, amount, split, customer, connection, method, description, returnUrl, cancelUrl, capture, save, metadata } = body;
  return {
    invoices: wishedInvoices(invoices),
    split,
    returnUrl,
    capture,
    metadata,
    ...request,
    ...(amount && { amount }),
    ...(save !== undefined && { save }),
    ...(customer !== undefined && { customerId: uuidOf('cus', customer) }),
    ...(connection !== undefined && { connection }),
    ...(method !== undefined && { methods: [method] }),
    ...(description !== undefined && { description }),
    ...(cancelUrl !== undefined && { cancelUrl }),
  };
}

function wirePayment({ payment, next, attempts }: PaymentView) {
  return { ...payment, next, attempts };
}
