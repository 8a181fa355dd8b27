export { CheckoutSessionEntity } from './checkout-session.entity.ts';
export { CheckoutModule } from './checkout.module.ts';
export { CheckoutSessions } from './checkout-sessions.service.ts';
