export { CheckoutSessionEntity } from './checkout-session.entity.ts';
export { PaymentRequestEntity } from './requests/payment-request.entity.ts';
export { PaymentRequests } from './requests/payment-requests.service.ts';
export { CheckoutModule } from './checkout.module.ts';
export { CheckoutSessions } from './checkout-sessions.service.ts';
