import { Module, type OnModuleInit } from '@nestjs/common';
import { BuiltInActions } from '../../plugin-host/built-in-actions.ts';
import { CustomersModule } from '../customers/index.ts';
import { LedgerModule } from '../ledger/index.ts';
import { writeOffAction } from './write-off.action.ts';
import { InvoicesController } from './invoices.controller.ts';
import { Invoices } from './invoices.service.ts';

@Module({ imports: [LedgerModule, CustomersModule], controllers: [InvoicesController], providers: [Invoices], exports: [Invoices] })
export class InvoicesModule implements OnModuleInit {
  constructor(
    private readonly invoices: Invoices,
    private readonly actions: BuiltInActions,
  ) {}

  onModuleInit(): void {
    this.actions.offer(writeOffAction(this.invoices));
  }
}
