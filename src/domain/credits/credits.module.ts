import { Module, type OnModuleInit } from '@nestjs/common';
import { BuiltInActions } from '../../plugin-host/built-in-actions.ts';
import { CustomersModule } from '../customers/index.ts';
import { creditActions } from './credit.actions.ts';
import { CreditPackagesController } from './credit-packages.controller.ts';
import { CreditPackages } from './credit-packages.service.ts';
import { CreditsController } from './credits.controller.ts';
import { Credits } from './credits.service.ts';

@Module({
  imports: [CustomersModule],
  controllers: [CreditsController, CreditPackagesController],
  providers: [Credits, CreditPackages],
  exports: [Credits, CreditPackages],
})
export class CreditsModule implements OnModuleInit {
  constructor(
    private readonly credits: Credits,
    private readonly actions: BuiltInActions,
  ) {}

  onModuleInit(): void {
    this.actions.offer(...creditActions(this.credits));
  }
}
