import { Module } from '@nestjs/common';
import { InvoicesModule } from '../invoices/index.ts';
import { PaymentsModule } from '../payments/index.ts';
import { ReceiptPageController } from './page/receipt-page.controller.ts';
import { ReceiptLinks } from './receipt-links.ts';
import { ReceiptsController } from './receipts.controller.ts';
import { Receipts } from './receipts.service.ts';

@Module({
  imports: [InvoicesModule, PaymentsModule],
  controllers: [ReceiptsController, ReceiptPageController],
  providers: [ReceiptLinks, Receipts],
  exports: [Receipts],
})
export class ReceiptsModule {}
