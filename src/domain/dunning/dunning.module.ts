import { Module, type OnModuleInit } from '@nestjs/common';
import { BuiltInActions } from '../../plugin-host/built-in-actions.ts';
import { CustomersModule } from '../customers/index.ts';
import { InvoicesModule } from '../invoices/index.ts';
import { DunningAdvice } from './dunning-advice.service.ts';
import { dunningActions } from './dunning.actions.ts';
import { DunningPolicyController } from './dunning-policy.controller.ts';

@Module({ imports: [CustomersModule, InvoicesModule], controllers: [DunningPolicyController], providers: [DunningAdvice] })
export class DunningModule implements OnModuleInit {
  constructor(
    private readonly advice: DunningAdvice,
    private readonly actions: BuiltInActions,
  ) {}

  onModuleInit(): void {
    this.actions.offer(...dunningActions(this.advice));
  }
}
