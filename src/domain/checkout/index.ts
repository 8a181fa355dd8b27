export { CheckoutSessionEntity } from './checkout-session.entity.ts';
export { PaymentRequestEntity } from './requests/payment-request.entity.ts';
export { PaymentRequests } from './requests/payment-requests.service.ts';
export { CheckoutModule } from './checkout.module.ts';
export { escapeHtml } from './page/escape-html.ts';
export { PAGE_STYLE } from './page/page-style.ts';
export { localeOf, PAGE_LOCALES, type PageLocale } from './page/page-texts.ts';
export { CheckoutSessions } from './checkout-sessions.service.ts';
