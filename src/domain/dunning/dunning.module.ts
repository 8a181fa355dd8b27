import { Module } from '@nestjs/common';
import { DunningPolicyController } from './dunning-policy.controller.ts';

@Module({ controllers: [DunningPolicyController] })
export class DunningModule {}
