import { Module } from '@nestjs/common';
import { PaymentRoutesController } from './payment-routes.controller.ts';
import { PaymentRoutes } from './payment-routes.service.ts';

/** Needs `ProviderCalls` from a global module. */
@Module({ controllers: [PaymentRoutesController], providers: [PaymentRoutes], exports: [PaymentRoutes] })
export class PaymentRoutesModule {}
