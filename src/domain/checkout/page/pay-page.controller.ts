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
import { Public } from '../../../platform/auth/access.ts';
import { Config } from '../../../platform/config/config.ts';
import { TakesRawBody } from '../../../platform/http/raw-body.ts';
import { payerOf } from '../checkout-access.ts';
import { CheckoutSessions, subjectOf } from '../checkout-sessions.service.ts';
import { CheckoutTokens, type OpenedSession } from '../checkout-tokens.ts';
import { checkoutErrors } from '../checkout.errors.ts';
import { LiveState } from '../live-state.ts';
import { PaySession } from '../pay-session.ts';
import { liveWords, PageViews } from './page-views.ts';
import { localeOf, PAGE_TEXTS } from './page-texts.ts';
import { flowOnPage, type ChooseProblem, type PageView } from './page-view.ts';
import { problemText } from './choose-form.ts';
import { renderNotFound, renderPage } from './pay-page.ts';
import { sendPage } from './send-page.ts';

/** A form with a method, a phone number and a provider's token is far shorter. */
const LONGEST_FORM = 4_000;
/** E.164. */
const PHONE = /^\+[1-9][0-9]{6,14}$/;

/** What the form says, read as leniently as people write. */
interface PayForm {
  readonly method: string;
  readonly phone: string;
  readonly flow: string | null;
  readonly token: string | null;
}

/** Where the payer goes on, what the provider's fields have to confirm before that, or what is wrong. */
type Begun =
  | { readonly location: string; readonly confirm?: { readonly clientSecret: string; readonly publishableKey: string } }
  | { readonly problem: ChooseProblem };

@ApiExcludeController()
@Public()
@Controller('pay')
export class PayPageController {
  constructor(
    private readonly tokens: CheckoutTokens,
    private readonly sessions: CheckoutSessions,
    private readonly paySession: PaySession,
    private readonly views: PageViews,
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
    const view = await this.views.of(opened.tenantId, session, languages, other !== undefined);
    await sendPage(reply, renderPage(await this.views.page(opened.tenantId, session, { token, languages, view })));
  }

  /** The payer has pressed the button: on to the provider, or the same page with what is wrong. A script is told so in JSON. */
  @Post(':token')
  @TakesRawBody()
  async pay(
    @Param('token') token: string,
    @Body() body: Buffer | undefined,
    @Headers('accept-language') languages: string | undefined,
    @Headers('accept') accept: string | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const opened = await this.tokens.openPage(token);
    if (!opened) return notFound(reply, languages);
    const form = readForm(body);
    const begun = await this.#begin(opened, { token, languages }, form);
    const session = await this.sessions.get(opened.tenantId, opened.sessionId);
    if (accept === 'application/json') {
      const texts = PAGE_TEXTS[localeOf(session.row.locale, languages)];
      const answer = 'problem' in begun ? { problem: problemText(begun.problem, texts) } : { ...begun, returnUrl: this.#returnUrl(token) };
      await reply.header('cache-control', 'no-store').send(answer);
    } else if ('location' in begun) {
      await reply.status(303).header('location', begun.location).header('cache-control', 'no-store').send();
    } else {
      const view = await this.views.of(opened.tenantId, session, languages, true);
      const filled = { chosen: form.method, phone: form.phone, asCode: form.flow === 'qr' };
      const shown: PageView = view.kind === 'choose' ? { ...view, ...filled, problem: begun.problem } : view;
      await sendPage(reply.status(422), renderPage(await this.views.page(opened.tenantId, session, { token, languages, view: shown })));
    }
  }

  /** The payer needs more time. */
  @Post(':token/extend')
  @TakesRawBody()
  async extend(@Param('token') token: string, @Headers('accept') accept: string | undefined, @Res() reply: FastifyReply): Promise<void> {
    const opened = await this.tokens.openPage(token);
    if (!opened) throw checkoutErrors['not-found']();
    try {
      const session = await this.sessions.extend(opened.tenantId, opened.sessionId, payerOf(idOf('chk', opened.sessionId)));
      if (accept === 'application/json')
        return void (await reply.header('cache-control', 'no-store').send({ leftMs: this.views.leftMs(session) }));
    } catch (error) {
      // A page without a script shows by itself that the session is over, or that there is no more time.
      if (!isKassaflowError(error) || accept === 'application/json') throw error;
    }
    await reply.status(303).header('location', `/pay/${token}`).header('cache-control', 'no-store').send();
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
    const view = await this.views.of(opened.tenantId, session, languages, false);
    await sendPage(reply, renderPage(await this.views.page(opened.tenantId, session, { token, languages, view })));
  }

  /** Words for the page's script; other words mean another page. And how much time is left. */
  @Get(':token/state')
  async state(@Param('token') token: string) {
    const opened = await this.tokens.openPage(token);
    if (!opened) throw checkoutErrors['not-found']();
    const session = await this.sessions.get(opened.tenantId, opened.sessionId);
    return { ...liveWords(session), leftMs: this.views.leftMs(session) };
  }

  /** The same words as server-sent events, anew whenever the payment changes. */
  @Get(':token/events')
  async events(@Param('token') token: string, @Res() reply: FastifyReply): Promise<void> {
    const opened = await this.tokens.openPage(token);
    if (!opened) throw checkoutErrors['not-found']();
    const { tenantId, sessionId } = opened;
    const { row } = await this.sessions.get(tenantId, sessionId);
    await this.live.follow(reply, { tenantId, subjects: [subjectOf(row)] }, async () =>
      liveWords(await this.sessions.get(tenantId, sessionId)),
    );
  }

  async #begin(
    { tenantId, sessionId }: OpenedSession,
    { token, languages }: { readonly token: string; readonly languages: string | undefined },
    form: PayForm,
  ): Promise<Begun> {
    const { method, phone } = form;
    if (method === '') return { problem: 'method' };
    try {
      const session = await this.sessions.get(tenantId, sessionId);
      const choices = await this.paySession.methods(tenantId, session);
      const choice = choices.find(({ id }) => id === method);
      const flow = choice && flowOnPage(choice, form, session.row.device);
      if (choice && flow === undefined) return { problem: 'script' };
      if (flow !== 'qr' && phone !== '' && !PHONE.test(phone)) return { problem: 'phone' };
      const { payment, next } = await this.paySession.pay(tenantId, sessionId, {
        method,
        returnUrl: this.#returnUrl(token),
        actor: payerOf(idOf('chk', sessionId)),
        locale: localeOf(session.row.locale, languages),
        ...(flow !== undefined && { flow }),
        ...(flow === 'push' && phone !== '' && { phone }),
        ...(flow === 'hosted-fields' && form.token !== null && { token: form.token }),
      });
      if (payment.status === 'failed') return { problem: 'not-now' };
      if (next?.kind === 'hosted-fields') return { location: `/pay/${token}/return`, confirm: next };
      return { location: next?.kind === 'redirect' ? next.url : `/pay/${token}/return` };
    } catch (error) {
      return this.#whyNot(error, token);
    }
  }

  #whyNot(error: unknown, token: string): Begun {
    if (!isKassaflowError(error) || error.spec.status >= 500) throw error;
    switch (error.code) {
      case 'checkout.closed':
        return { location: `/pay/${token}` };
      case 'checkout.under-way':
        return { problem: 'busy' };
      case 'checkout.phone-needed':
        return { problem: 'phone' };
      case 'checkout.method':
        return { problem: 'method' };
      default:
        return { problem: 'not-now' };
    }
  }

  #returnUrl(token: string): string {
    return `${this.config.publicUrl}/pay/${token}/return`;
  }
}

function readForm(body: Buffer | undefined): PayForm {
  const form = new URLSearchParams((body ?? Buffer.alloc(0)).subarray(0, LONGEST_FORM).toString());
  const phone = (form.get('phone') ?? '').replaceAll(/[ ().-]/g, '').replace(/^00/, '+');
  return { method: form.get('method') ?? '', phone, flow: form.get('flow'), token: form.get('token') };
}

async function notFound(reply: FastifyReply, languages: string | undefined): Promise<void> {
  await sendPage(reply.status(404), renderNotFound(localeOf('', languages)));
}
