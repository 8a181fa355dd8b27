import { Module, type OnModuleInit } from '@nestjs/common';
import { BuiltInActions } from '../../plugin-host/built-in-actions.ts';
import { LedgerModule } from '../ledger/index.ts';
import { PaymentsModule } from '../payments/index.ts';
import { accountingActions } from './accounting.actions.ts';
import { AccountingPostings } from './accounting.service.ts';

@Module({ imports: [LedgerModule, PaymentsModule], providers: [AccountingPostings], exports: [AccountingPostings] })
export class AccountingModule implements OnModuleInit {
  constructor(
    private readonly postings: AccountingPostings,
    private readonly actions: BuiltInActions,
  ) {}

  onModuleInit(): void {
    this.actions.offer(...accountingActions(this.postings));
  }
}
