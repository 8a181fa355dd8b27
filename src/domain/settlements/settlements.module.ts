import { Module } from '@nestjs/common';
import { LedgerModule } from '../ledger/index.ts';
import { PaymentsModule } from '../payments/index.ts';
import { HoldAgainstPayments } from './hold-against-payments.ts';
import { ImportSettlements } from './import-settlements.ts';
import { PlanNightly } from './plan-nightly.ts';
import { SettlementBooks } from './settlement-books.ts';
import { SettlementGauges } from './settlement-gauges.ts';
import { SettlementsController } from './settlements.controller.ts';
import { Settlements } from './settlements.service.ts';
import { SignalledImports } from './signalled-imports.ts';

@Module({
  imports: [LedgerModule, PaymentsModule],
  controllers: [SettlementsController],
  providers: [HoldAgainstPayments, ImportSettlements, PlanNightly, SettlementBooks, SettlementGauges, Settlements, SignalledImports],
  exports: [Settlements, SignalledImports],
})
export class SettlementsModule {}
