export { connectionsFor, rankOf } from './payment-route.ts';
export { PaymentRoutes } from './payment-routes.service.ts';
export { PaymentRoutesModule } from './payment-routes.module.ts';
