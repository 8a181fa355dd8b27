import { Module } from '@nestjs/common';
import { CreditsModule } from '../credits/index.ts';
import { CustomersModule } from '../customers/index.ts';
import { InvoicesModule } from '../invoices/index.ts';
import { PaymentsModule } from '../payments/index.ts';
import { OrdersController } from './orders.controller.ts';
import { Orders } from './orders.service.ts';

@Module({
  imports: [CustomersModule, InvoicesModule, PaymentsModule, CreditsModule],
  controllers: [OrdersController],
  providers: [Orders],
  exports: [Orders],
})
export class OrdersModule {}
