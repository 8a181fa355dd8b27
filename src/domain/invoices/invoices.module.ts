import { Module } from '@nestjs/common';
import { CustomersModule } from '../customers/index.ts';
import { LedgerModule } from '../ledger/index.ts';
import { InvoicesController } from './invoices.controller.ts';
import { Invoices } from './invoices.service.ts';

@Module({ imports: [LedgerModule, CustomersModule], controllers: [InvoicesController], providers: [Invoices], exports: [Invoices] })
export class InvoicesModule {}
