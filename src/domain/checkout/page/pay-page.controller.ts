/**
 * `/pay/{token}`: where a payer chooses how to pay, comes back to, and sees how it stands.
 *
 * Nothing in the address but the token is believed, and the state shown is always the session's own. A payer who comes back
 * before the webhook makes us ask the provider, once.
 */
import { Body, Controller, Get, Headers, Param, Post, Query, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { isKassaflowError } from '../../../kernel/errors.ts';
import { idOf } from '../../../kernel/ids.ts';
import { money } from '../../../kernel/money.ts';
import { Public } from '../../../platform/auth/access.ts';
import { Config } from '../../../platform/config/config.ts';
import { TakesRawBody } from '../../../platform/http/raw-body.ts';
import type { PaymentView } from '../../payments/index.ts';
import { payerOf } from '../checkout-access.ts';
import { CheckoutSessions, followedBy, type SessionView } from '../checkout-sessions.service.ts';
import { isOver } from '../checkout-session.ts';
import { CheckoutTokens, type OpenedSession } from '../checkout-tokens.ts';
import { checkoutErrors } from '../checkout.errors.ts';
import { LiveState } from '../live-state.ts';
import type { Choice } from '../method-menu.ts';
import { PaySession } from '../pay-session.ts';
import { localeOf } from './page-texts.ts';
import { pagePolicy, renderNotFound, renderPage, type PageView } from './pay-page.ts';

/** A form with a method and a phone number is far shorter. */
const LONGEST_FORM = 2_000;

@ApiExcludeController()
@Public()
@Controller('pay')
export class PayPageController {
  constructor(
    private readonly tokens: CheckoutTokens,
    private readonly sessions: CheckoutSessions,
    private readonly paySession: PaySession,
    private readonly live: LiveState,
    private readonly config: Config,
  ) {}

  @Get(':token')
  async page(
    @Param('token') token: string,
    @Query('other') other: string | undefined,
    @Headers('accept-language') languages: string | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const opened = await this.tokens.openPage(token);
    if (!opened) return notFound(reply, languages);
    const session = await this.sessions.get(opened.tenantId, opened.sessionId);
    await this.#show(reply, { opened, token, session, languages }, await this.#viewOf(opened, session, other !== undefined));
  }

  /** The payer has pressed the button: on to the provider, or the same page with what is wrong. */
  @Post(':token')
  @TakesRawBody()
  async pay(
    @Param('token') token: string,
    @Body() body: Buffer | undefined,
    @Headers('accept-language') languages: string | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const opened = await this.tokens.openPage(token);
    if (!opened) return notFound(reply, languages);
    const form = new URLSearchParams((body ?? Buffer.alloc(0)).subarray(0, LONGEST_FORM).toString());
    const [method, phone] = [form.get('method') ?? '', (form.get('phone') ?? '').replaceAll(/[ ().-]/g, '')];
    const result = await this.#begin(opened, token, method, phone);
    if (typeof result === 'string') {
      await reply.status(303).header('location', result).header('cache-control', 'no-store').send();
      return;
    }
    const session = await this.sessions.get(opened.tenantId, opened.sessionId);
    const view = await this.#viewOf(opened, session, true);
    const shown: PageView =
      view.kind === 'choose' ? { ...view, problem: result.problem, chosen: method, phone: form.get('phone') ?? '' } : view;
    await this.#show(reply.status(422), { opened, token, session, languages }, shown);
  }

  /** Where providers send the payer back to. */
  @Get(':token/return')
  async back(
    @Param('token') token: string,
    @Headers('accept-language') languages: string | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const opened = await this.tokens.openPage(token);
    if (!opened) return notFound(reply, languages);
    const session = await this.paySession.refresh(opened.tenantId, opened.sessionId);
    await this.#show(reply, { opened, token, session, languages }, await this.#viewOf(opened, session, false));
  }

  /** One word for the page's script; another word means another page. */
  @Get(':token/state')
  async state(@Param('token') token: string): Promise<{ state: string }> {
    const opened = await this.tokens.openPage(token);
    if (!opened) throw checkoutErrors['not-found']();
    return { state: stateOf(await this.sessions.get(opened.tenantId, opened.sessionId)) };
  }

  /** The same word as server-sent events, anew whenever the payment changes. */
  @Get(':token/events')
  async events(@Param('token') token: string, @Res() reply: FastifyReply): Promise<void> {
    const opened = await this.tokens.openPage(token);
    if (!opened) throw checkoutErrors['not-found']();
    const { tenantId, sessionId } = opened;
    const subjects = followedBy(await this.sessions.get(tenantId, sessionId));
    await this.live.follow(reply, tenantId, subjects, async () => ({ state: stateOf(await this.sessions.get(tenantId, sessionId)) }));
  }

  /** An address to go on to, or what is wrong. */
  async #begin(
    { tenantId, sessionId }: OpenedSession,
    token: string,
    method: string,
    phone: string,
  ): Promise<string | { readonly problem: 'method' | 'phone' | 'not-now' | 'busy' }> {
    if (method === '') return { problem: 'method' };
    if (phone !== '' && !/^\+[1-9][0-9]{6,14}$/.test(phone)) return { problem: 'phone' };
    const returnUrl = `${this.config.publicUrl}/pay/${token}/return`;
    try {
      const actor = payerOf(idOf('chk', sessionId));
      const { payment, next } = await this.paySession.pay(tenantId, sessionId, {
        method,
        returnUrl,
        actor,
        ...(phone !== '' && { phone }),
      });
      if (payment.status === 'failed') return { problem: 'not-now' };
      return next?.kind === 'redirect' ? next.url : `/pay/${token}/return`;
    } catch (error) {
      if (!isKassaflowError(error)) throw error;
      if (error.code === 'checkout.closed') return `/pay/${token}`;
      if (error.code === 'checkout.under-way') return { problem: 'busy' };
      if (error.code === 'checkout.phone-needed') return { problem: 'phone' };
      if (error.code === 'checkout.method') return { problem: 'method' };
      if (error.spec.status >= 500) throw error;
      return { problem: 'not-now' };
    }
  }

  /** @param choosing the payer wants to see the ways of paying although a payment is open that nobody has begun */
  async #viewOf({ tenantId }: OpenedSession, session: SessionView, choosing: boolean): Promise<PageView> {
    const { status } = session.session;
    if (status === 'completed') return { kind: 'paid' };
    if (status === 'cancelled' || status === 'expired') return { kind: status };
    const current = await this.paySession.current(tenantId, session);
    if (current && (status === 'pending' || !choosing)) return pendingView(current);
    const last = session.attempts.at(-1)?.payment;
    return {
      kind: 'choose',
      choices: (await this.paySession.methods(tenantId, session)).filter(isForPage),
      ...(last && isOver(last) && { failed: last.reason }),
    };
  }

  async #show(
    reply: FastifyReply,
    page: { readonly opened: OpenedSession; readonly token: string; readonly session: SessionView; readonly languages: string | undefined },
    view: PageView,
  ): Promise<void> {
    const { row } = page.session;
    const test = await this.sessions.isTest(page.opened.tenantId);
    const html = renderPage({
      locale: localeOf(row.locale, page.languages),
      path: `/pay/${page.token}`,
      test,
      amount: money(row.amountMinor, row.currency),
      description: row.description,
      returnUrl: row.returnUrl,
      cancelUrl: row.cancelUrl ?? undefined,
      view,
    });
    await send(reply, html, test);
  }
}

/** Ways that need no script of ours: the provider's own page, or an app that is called. */
function isForPage({ flows }: Choice): boolean {
  return flows.includes('redirect') || flows.includes('push');
}

function pendingView({ next }: PaymentView): PageView {
  if (next?.kind === 'redirect') return { kind: 'pending', next: 'redirect', url: next.url };
  return { kind: 'pending', next: next?.kind === 'push' ? 'phone' : 'wait' };
}

/** Changes whenever the page would look different. */
function stateOf({ session, attempts }: SessionView): string {
  const last = attempts.findLast(({ payment }) => payment)?.payment;
  return `${session.status} ${last ? `${idOf('pay', last.id)} ${last.state}` : ''}`;
}

async function notFound(reply: FastifyReply, languages: string | undefined): Promise<void> {
  await send(reply.status(404), renderNotFound(localeOf('', languages)), false);
}

async function send(reply: FastifyReply, html: string, test: boolean): Promise<void> {
  await reply
    .header('content-security-policy', pagePolicy(test))
    .header('cache-control', 'no-store')
    .type('text/html; charset=utf-8')
    .send(html);
}
