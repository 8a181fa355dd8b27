import { Module, type OnModuleInit } from '@nestjs/common';
import { BuiltInActions } from '../../plugin-host/built-in-actions.ts';
import { CustomersModule } from '../customers/index.ts';
import { InvoicesModule } from '../invoices/index.ts';
import { LedgerModule } from '../ledger/index.ts';
import { PaymentRoutesModule } from '../payment-routes/index.ts';
import { ApplyFacts } from './apply-facts.ts';
import { AttemptGauges } from './attempt-gauges.ts';
import { Authorizations } from './authorizations.service.ts';
import { AuthorizationAttempts } from './captures/authorization-attempts.ts';
import { WatchCaptures } from './captures/watch-captures.ts';
import { CheckOpenPayments } from './check-open-payments.ts';
import { AnnounceDebits } from './mandates/announce-debits.service.ts';
import { announceAction } from './mandates/announce.action.ts';
import { chargeAction } from './mandates/charge.action.ts';
import { ChargeApprovals } from './mandates/charge-approvals.service.ts';
import { ChargesController } from './mandates/charges.controller.ts';
import { Charges } from './mandates/charges.service.ts';
import { DebitNoticesController } from './mandates/debit-notices.controller.ts';
import { PaymentsNeedConnections } from './connection-use.ts';
import { DisputesController } from './disputes/disputes.controller.ts';
import { Disputes } from './disputes/disputes.service.ts';
import { FailOver } from './failover/fail-over.ts';
import { Mandates } from './mandates/mandates.service.ts';
import { MandatesController } from './mandates/mandates.controller.ts';
import { LapseMandates } from './mandates/lapse-mandates.ts';
import { NewMandates } from './mandates/new-mandates.service.ts';
import { DonePageController } from './mandates/done-page.controller.ts';
import { NewPayment } from './new-payment.ts';
import { OpenPayment } from './open-payment.ts';
import { PaymentSubjects } from './payment-subjects.ts';
import { PaymentsController } from './payments.controller.ts';
import { Payments } from './payments.service.ts';
import { refundActions } from './refund.action.ts';
import { RefundsController } from './refunds.controller.ts';
import { Refunds } from './refunds.service.ts';
import { ResolveAttempts } from './resolve-attempts.ts';
import { SettledMoneyOfPayments } from './settled-money.ts';
import { WebhookAddresses } from './webhook-addresses.ts';

@Module({
  imports: [LedgerModule, CustomersModule, InvoicesModule, PaymentRoutesModule],
  controllers: [
    ChargesController,
    DebitNoticesController,
    DisputesController,
    DonePageController,
    MandatesController,
    PaymentsController,
    RefundsController,
  ],
  providers: [
    AnnounceDebits,
    ApplyFacts,
    AttemptGauges,
    AuthorizationAttempts,
    Authorizations,
    ChargeApprovals,
    Charges,
    CheckOpenPayments,
    Disputes,
    FailOver,
    LapseMandates,
    Mandates,
    NewMandates,
    NewPayment,
    OpenPayment,
    Payments,
    PaymentsNeedConnections,
    PaymentSubjects,
    Refunds,
    ResolveAttempts,
    SettledMoneyOfPayments,
    WatchCaptures,
    WebhookAddresses,
  ],
  exports: [
    Authorizations,
    ChargeApprovals,
    Mandates,
    NewPayment,
    Payments,
    PaymentSubjects,
    Refunds,
    SettledMoneyOfPayments,
    WebhookAddresses,
  ],
})
export class PaymentsModule implements OnModuleInit {
  constructor(
    private readonly refunds: Refunds,
    private readonly charges: Charges,
    private readonly notices: AnnounceDebits,
    private readonly actions: BuiltInActions,
  ) {}

  onModuleInit(): void {
    this.actions.offer(...refundActions(this.refunds), chargeAction(this.charges), announceAction(this.notices));
  }
}
