/** Decides what a payment page shows: from the session and its payments to {@link PayPage}. */
import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '../../../kernel/clock.ts';
import { idOf } from '../../../kernel/ids.ts';
import { money } from '../../../kernel/money.ts';
import { CLOCK } from '../../../platform/clock.ts';
import type { PaymentView } from '../../payments/index.ts';
import { isOver, MOST_EXTENSIONS } from '../checkout-session.ts';
import { CheckoutSessions, type SessionView } from '../checkout-sessions.service.ts';
import { MethodMenu, type Choice } from '../method-menu.ts';
import { PaySession } from '../pay-session.ts';
import { localeOf } from './page-texts.ts';
import { isForPage, type LiveWords, type PageChoice, type PageView, type PayPage } from './page-view.ts';

@Injectable()
export class PageViews {
  constructor(
    private readonly sessions: CheckoutSessions,
    private readonly paySession: PaySession,
    private readonly menu: MethodMenu,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * @param languages what the browser names
   * @param choosing the payer wants to see the ways of paying although a payment is open that nobody has begun
   */
  async of(tenantId: string, session: SessionView, languages: string | undefined, choosing: boolean): Promise<PageView> {
    const { status } = session.session;
    if (status === 'completed') return { kind: 'paid' };
    if (status === 'cancelled' || status === 'expired') return { kind: status };
    const current = await this.paySession.current(tenantId, session);
    const isInFields = status === 'open' && current?.next?.kind === 'hosted-fields';
    if (current && !isInFields && (status === 'pending' || !choosing)) return pendingView(current, session, this.clock.now());
    // Whoever ends it has not come by yet.
    if (status === 'open' && this.leftMs(session) === 0) return { kind: 'expired' };
    const last = session.attempts.at(-1);
    const chosen = last?.choice.split(':')[0];
    return {
      kind: 'choose',
      choices: await this.#choices(tenantId, session, localeOf(session.row.locale, languages)),
      device: session.row.device,
      keepsForNext: Boolean(session.row.replacesMandateId),
      ...(chosen !== undefined && { chosen }),
      ...(last?.payment && isOver(last.payment) && { failed: last.payment.reason }),
    };
  }

  async page(
    tenantId: string,
    session: SessionView,
    { token, languages, view }: { readonly token: string; readonly languages: string | undefined; readonly view: PageView },
  ): Promise<PayPage> {
    const { row } = session;
    const merchant = await this.sessions.merchant(tenantId);
    return {
      locale: localeOf(row.locale, languages),
      path: `/pay/${token}`,
      test: merchant.isTest,
      payee: merchant.name,
      amount: money(row.amountMinor, row.currency),
      description: row.description,
      returnUrl: row.returnUrl,
      cancelUrl: row.cancelUrl ?? undefined,
      live: liveWords(session),
      leftMs: this.leftMs(session),
      extensible: row.extensions < MOST_EXTENSIONS,
      view,
    };
  }

  /** Until the session ends; 0 when its time is over. */
  leftMs({ row }: SessionView): number {
    return Math.max(0, row.expiresAt.getTime() - this.clock.now().getTime());
  }

  async #choices(tenantId: string, session: SessionView, locale: string): Promise<PageChoice[]> {
    const offered = await this.paySession.methods(tenantId, session, locale);
    const choices = await Promise.all(offered.map((choice) => this.#onPage(tenantId, choice)));
    return choices.filter((choice) => isForPage(choice, session.row.device));
  }

  async #onPage(tenantId: string, choice: Choice): Promise<PageChoice> {
    if (!choice.flows.includes('hosted-fields') || !choice.fields) return choice;
    const hostedFields = await this.menu.hostedFieldsOf(tenantId, choice.connection);
    return hostedFields ? { ...choice, hostedFields } : choice;
  }
}

/** What the page's script goes by. */
export function liveWords({ session, attempts }: SessionView): LiveWords {
  const last = attempts.findLast(({ payment }) => payment)?.payment;
  return { status: session.status, state: `${session.status} ${last ? `${idOf('pay', last.id)} ${last.state}` : ''}` };
}

function pendingView({ next }: PaymentView, { session, attempts }: SessionView, now: Date): PageView {
  if (next?.kind === 'redirect') return { kind: 'pending', next: 'redirect', url: next.url };
  if (next?.kind === 'push') return { kind: 'pending', next: 'phone' };
  if (next?.kind === 'qr') {
    // It stays while the payment waits: some providers do not tell whether a phone has read it, and twice read is the same payment.
    if (next.expiresAt > now.getTime()) return { kind: 'pending', next: 'code', code: next.payload };
    return { kind: 'pending', next: session.status === 'pending' ? 'wait' : 'code-over' };
  }
  const isAtTerminal = attempts.at(-1)?.choice.endsWith(':tap') === true;
  return { kind: 'pending', next: isAtTerminal ? 'terminal' : 'wait' };
}
