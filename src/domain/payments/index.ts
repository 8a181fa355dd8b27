export { PaymentEntity, PaymentInvoiceEntity } from './payment.entity.ts';
export { paymentIdIn } from './payment-reference.ts';
export { PaymentSubjects } from './payment-subjects.ts';
export { PaymentsModule } from './payments.module.ts';
export { Payments, type ProviderEvent, type SignalResult } from './payments.service.ts';
export { RefundEntity } from './refund.entity.ts';
export { Refunds } from './refunds.service.ts';
export { WebhookAddresses } from './webhook-addresses.ts';
