import { Module, type OnModuleInit } from '@nestjs/common';
import { BuiltInActions } from '../../plugin-host/built-in-actions.ts';
import { CustomersModule } from '../customers/index.ts';
import { InvoicesModule } from '../invoices/index.ts';
import { OrdersModule } from '../orders/index.ts';
import { PaymentRoutesModule } from '../payment-routes/index.ts';
import { PaymentsModule } from '../payments/index.ts';
import { ApproveCharge } from './approve-charge.ts';
import { CheckoutAccess } from './checkout-access.ts';
import { CheckoutCors } from './checkout-cors.ts';
import { CheckoutSessionsController } from './checkout-sessions.controller.ts';
import { CheckoutSessions } from './checkout-sessions.service.ts';
import { CheckoutTokens } from './checkout-tokens.ts';
import { EndOverdue } from './end-overdue.ts';
import { InvoicePageController } from './invoice-page/invoice-page.controller.ts';
import { InvoicePages } from './invoice-page/invoice-pages.service.ts';
import { LiveState } from './live-state.ts';
import { MethodMenu } from './method-menu.ts';
import { PageViews } from './page/page-views.ts';
import { PayPageController } from './page/pay-page.controller.ts';
import { payLinkAction, requestLinkAction } from './pay-link.action.ts';
import { PayLinks } from './pay-links.service.ts';
import { PaySession } from './pay-session.ts';
import { PaymentRequestsController } from './requests/payment-requests.controller.ts';
import { RequestLinks } from './requests/request-links.service.ts';
import { PaymentRequests } from './requests/payment-requests.service.ts';

/** Needs `Sealer`, `LiveEvents` and `SseStreams` from global modules. */
@Module({
  imports: [CustomersModule, InvoicesModule, PaymentRoutesModule, PaymentsModule, OrdersModule],
  controllers: [CheckoutSessionsController, InvoicePageController, PayPageController, PaymentRequestsController],
  providers: [
    ApproveCharge,
    CheckoutAccess,
    CheckoutCors,
    CheckoutSessions,
    CheckoutTokens,
    EndOverdue,
    InvoicePages,
    LiveState,
    MethodMenu,
    PageViews,
    PaymentRequests,
    PayLinks,
    PaySession,
    RequestLinks,
  ],
  exports: [CheckoutSessions, CheckoutTokens, PaymentRequests],
})
export class CheckoutModule implements OnModuleInit {
  constructor(
    private readonly links: PayLinks,
    private readonly requestLinks: RequestLinks,
    private readonly actions: BuiltInActions,
  ) {}

  onModuleInit(): void {
    this.actions.offer(payLinkAction(this.links), requestLinkAction(this.requestLinks));
  }
}
