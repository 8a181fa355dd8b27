import { Body, Controller, Get, Headers, HttpCode, Options, Param, Post, Query, Res, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiExcludeEndpoint, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { uuidOf } from '../../kernel/ids.ts';
import { Public, Requires } from '../../platform/auth/access.ts';
import { CurrentCaller, type Caller } from '../../platform/auth/caller.ts';
import { Config } from '../../platform/config/config.ts';
import { Idempotent, IdempotencyKeyValue } from '../../platform/http/idempotent.ts';
import { pageFields, pageOf, readCursor } from '../../platform/http/page.ts';
import { Paged } from '../../platform/http/paged.ts';
import { ofOneKind, NOT_OF_ONE_KIND, paidFields, wishedInvoices } from '../payments/index.ts';
import { CheckoutAccess } from './checkout-access.ts';
import { CheckoutCors } from './checkout-cors.ts';
import { CheckoutSessions, subjectOf, type SessionView, type SessionWish } from './checkout-sessions.service.ts';
import { CheckoutTokens } from './checkout-tokens.ts';
import { LiveState } from './live-state.ts';
import { PaySession } from './pay-session.ts';

const address = z.string().max(2_000);
const device = z.string().min(1).max(100);
const methodName = z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/);
const createSession = z
  .strictObject({
    ...paidFields,
    order: z.string().optional().meta({ description: 'An order that waits to be paid, in place of invoices' }),
    customer: z.string().optional(),
    description: z.string().trim().min(1).max(200).optional(),
    connection: z.string().max(100).optional().meta({ description: 'Name or id; default: all that can take payments' }),
    methods: z
      .array(methodName)
      .min(1)
      .max(50)
      .optional()
      .meta({ description: 'Offer only these', example: ['ideal', 'card'] }),
    capture: z.enum(['automatic', 'manual']).default('automatic'),
    locale: z
      .string()
      .regex(/^[a-z]{2}(-[A-Z]{2})?$/)
      .optional()
      .meta({ example: 'nl', description: 'Default: the customer’s, else the browser’s' }),
    returnUrl: address.meta({ description: 'Where the page leads when all is done; https' }),
    cancelUrl: address.optional().meta({ description: 'Where the page leads a payer who does not want to pay' }),
    device: device.optional().meta({ description: 'The terminal at which the payer stands; the page then offers to pay there' }),
    expiresInMinutes: z.int().min(5).max(43_200).default(1_440),
  })
  .refine(ofOneKind, NOT_OF_ONE_KIND)
  .refine(({ invoices, order }) => order === undefined || invoices.length === 0, {
    path: ['order'],
    params: { code: 'request.choice' },
    message: 'Name an order or invoices',
  })
  .meta({ id: 'CreateCheckoutSession' });
const paySession = z
  .strictObject({
    method: z.string().max(150).meta({ description: 'The id of one of the session’s methods', example: 'main.ideal' }),
    flow: z.enum(['redirect', 'hosted-fields', 'push', 'qr', 'tap']).optional(),
    phone: z
      .string()
      .regex(/^\+[1-9][0-9]{6,14}$/)
      .optional()
      .meta({ description: 'E.164, for the flow push' }),
    token: z.string().min(1).max(1_000).optional().meta({ description: 'What the provider’s fields made of a card' }),
    device: device.optional().meta({ description: 'The terminal, for the flow tap; default: the session’s' }),
    save: z.boolean().optional().meta({ description: 'The payer agrees to be charged again' }),
  })
  .meta({ id: 'PayCheckoutSession' });
const listSessions = z.strictObject(pageFields);

@ApiTags('checkout')
@Controller('v1/checkout-sessions')
export class CheckoutSessionsController {
  constructor(
    private readonly sessions: CheckoutSessions,
    private readonly paySession: PaySession,
    private readonly tokens: CheckoutTokens,
    private readonly access: CheckoutAccess,
    private readonly live: LiveState,
    private readonly config: Config,
  ) {}

  /** Makes a session of an exact amount; send the payer to its `url`, or give `clientToken` to a page of your own. */
  @Post()
  @Requires('payments:write')
  @Idempotent()
  async create(
    @CurrentCaller() caller: Caller,
    @IdempotencyKeyValue() requestKey: string,
    @Body({ schema: createSession }) body: z.infer<typeof createSession>,
  ) {
    const { tenantId, actor, mode } = caller;
    const view = await this.sessions.create(tenantId, wishOf(body, { requestKey, actor, mode }));
    return { ...(await this.#shown(tenantId, view)), clientToken: await this.tokens.clientToken(tenantId, view.row.id) };
  }

  @Get()
  @Requires('payments:read')
  @Paged()
  async list(@CurrentCaller() caller: Caller, @Query({ schema: listSessions }) query: z.infer<typeof listSessions>) {
    const after = readCursor(query.cursor)?.[0];
    const rows = await this.sessions.list(caller.tenantId, {
      limit: query.limit + 1,
      after: after === undefined ? undefined : uuidOf('chk', after),
    });
    return pageOf(
      rows,
      { limit: query.limit, filter: {} },
      ({ id }) => [id],
      (session) => session,
    );
  }

  /** A browser's question before a request from a page of a portal. */
  @Options([':id', ':id/methods', ':id/pay', ':id/events', ':id/extend'])
  @Public()
  @HttpCode(204)
  @UseGuards(CheckoutCors)
  @ApiExcludeEndpoint()
  preflight(): void {}

  /** How the session stands, with what the payer has to do next. For an API key, or the session's client token. */
  @Get(':id')
  @Public()
  @UseGuards(CheckoutCors)
  @ApiBearerAuth()
  async get(@Headers('authorization') authorization: string | undefined, @Param('id') id: string) {
    const { tenantId, sessionId } = await this.access.enter(authorization, id, 'payments:read');
    return this.#shown(tenantId, await this.sessions.get(tenantId, sessionId));
  }

  /** What can be chosen now. For an API key, or the session's client token. */
  @Get(':id/methods')
  @Public()
  @UseGuards(CheckoutCors)
  @ApiBearerAuth()
  async methods(@Headers('authorization') authorization: string | undefined, @Param('id') id: string) {
    const { tenantId, sessionId } = await this.access.enter(authorization, id, 'payments:read');
    const items = await this.paySession.methods(tenantId, await this.sessions.get(tenantId, sessionId));
    return { items, nextCursor: null };
  }

  /**
   * Makes the payment of a choice; `next` says what the payer has to do. It takes no Idempotency-Key, because a repeat finds the
   * same payment: a session has one open payment. For an API key, or the session's client token.
   */
  @Post(':id/pay')
  @Public()
  @UseGuards(CheckoutCors)
  @ApiBearerAuth()
  async pay(
    @Headers('authorization') authorization: string | undefined,
    @Param('id') id: string,
    @Body({ schema: paySession }) { method, flow, phone, token, device: terminal, save }: z.infer<typeof paySession>,
  ) {
    const { tenantId, sessionId, actor } = await this.access.enter(authorization, id, 'payments:write');
    const returnUrl = `${this.config.publicUrl}/pay/${await this.tokens.pageToken(tenantId, sessionId)}/return`;
    const { payment, next } = await this.paySession.pay(tenantId, sessionId, {
      method,
      returnUrl,
      actor,
      ...(flow !== undefined && { flow }),
      ...(phone !== undefined && { phone }),
      ...(token !== undefined && { token }),
      ...(terminal !== undefined && { device: terminal }),
      ...(save !== undefined && { save }),
    });
    return { ...(await this.#shown(tenantId, await this.sessions.get(tenantId, sessionId))), payment: payment.id, next };
  }

  /**
   * How the session stands, as it changes: server-sent events, each with the whole session, so that whoever comes back has missed
   * nothing. For an API key, the session's client token, or a stream token for it.
   */
  @Get(':id/events')
  @Public()
  @UseGuards(CheckoutCors)
  @ApiBearerAuth()
  @ApiProduces('text/event-stream')
  async events(
    @Headers('authorization') authorization: string | undefined,
    @Param('id') id: string,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { sessionId, ...holder } = await this.access.follow(authorization, id);
    const { tenantId } = holder;
    const { row } = await this.sessions.get(tenantId, sessionId);
    const read = async () => this.#shown(tenantId, await this.sessions.get(tenantId, sessionId));
    await this.live.follow(reply, { tenantId, subjects: [subjectOf(row)], holder }, read);
  }

  /**
   * Gives the payer 15 minutes from now on, up to ten times. A page of a portal must offer this two minutes before `expiresAt` (WCAG 2.2,
   * 2.2.1). For an API key, or the session's client token.
   */
  @Post(':id/extend')
  @HttpCode(200)
  @Public()
  @UseGuards(CheckoutCors)
  @ApiBearerAuth()
  async extend(@Headers('authorization') authorization: string | undefined, @Param('id') id: string) {
    const { tenantId, sessionId, actor } = await this.access.enter(authorization, id, 'payments:write');
    return this.#shown(tenantId, await this.sessions.extend(tenantId, sessionId, actor));
  }

  /** Another client token, good for 30 minutes. */
  @Post(':id/client-token')
  @HttpCode(200)
  @Requires('payments:write')
  async clientToken(@CurrentCaller() { tenantId }: Caller, @Param('id') id: string) {
    const { row } = await this.sessions.get(tenantId, uuidOf('chk', id));
    return { clientToken: await this.tokens.clientToken(tenantId, row.id) };
  }

  /** Takes an open session back: nothing can be paid in it any more. */
  @Post(':id/cancel')
  @HttpCode(200)
  @Requires('payments:write')
  async cancel(@CurrentCaller() { tenantId, actor }: Caller, @Param('id') id: string) {
    return this.#shown(tenantId, await this.sessions.cancel(tenantId, uuidOf('chk', id), actor));
  }

  async #shown(tenantId: string, view: SessionView) {
    const url = `${this.config.publicUrl}/pay/${await this.tokens.pageToken(tenantId, view.row.id)}`;
    const { returnUrl, cancelUrl, locale } = view.row;
    const current = await this.paySession.current(tenantId, view);
    return { ...view.session, locale, returnUrl, cancelUrl: cancelUrl ?? null, url, next: current?.next ?? null };
  }
}

function wishOf(body: z.infer<typeof createSession>, request: Pick<SessionWish, 'requestKey' | 'actor' | 'mode'>): SessionWish {
  const { invoices, order, amount, customer, description, connection, methods, locale, cancelUrl, device: terminal, ...rest } = body;
  return {
    ...rest,
    ...request,
    invoices: wishedInvoices(invoices),
    ...(order !== undefined && { orderId: uuidOf('ord', order) }),
    ...(amount && { amount }),
    ...(customer !== undefined && { customerId: uuidOf('cus', customer) }),
    ...(description !== undefined && { description }),
    ...(connection !== undefined && { connection }),
    ...(methods !== undefined && { methods }),
    ...(locale !== undefined && { locale }),
    ...(cancelUrl !== undefined && { cancelUrl }),
    ...(terminal !== undefined && { device: terminal }),
  };
}
