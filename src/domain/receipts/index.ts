export { Receipts } from './receipts.service.ts';
export { ReceiptsModule } from './receipts.module.ts';
