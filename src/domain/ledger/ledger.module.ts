import { Module } from '@nestjs/common';
import { LedgerController } from './ledger.controller.ts';
import { Ledger } from './ledger.service.ts';

@Module({ controllers: [LedgerController], providers: [Ledger], exports: [Ledger] })
export class LedgerModule {}
