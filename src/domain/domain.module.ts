import { Module } from '@nestjs/common';
import { AccountingModule } from './accounting/index.ts';
import { CheckoutModule } from './checkout/index.ts';
import { ConnectionsModule } from './connections/index.ts';
import { CreditsModule } from './credits/index.ts';
import { CustomersModule } from './customers/index.ts';
import { DunningModule } from './dunning/index.ts';
import { InvoicesModule } from './invoices/index.ts';
import { LedgerModule } from './ledger/index.ts';
import { OrdersModule } from './orders/index.ts';
import { PaymentsModule } from './payments/index.ts';
import { SettlementsModule } from './settlements/index.ts';
import { ReceiptsModule } from './receipts/index.ts';
import { PortalsModule } from './portals/index.ts';

const MODULES = [
  LedgerModule,
  CustomersModule,
  InvoicesModule,
  DunningModule,
  PaymentsModule,
  SettlementsModule,
  CreditsModule,
  OrdersModule,
  CheckoutModule,
  ReceiptsModule,
  AccountingModule,
  ConnectionsModule,
  PortalsModule,
];

/** The money, as one module for the application. */
@Module({ imports: MODULES, exports: MODULES })
export class DomainModule {}
