/** The routes of flows, for processes that answer requests. */
import { Module } from '@nestjs/common';
import { FlowsController } from './flows.controller.ts';
import { FlowsModule } from './flows.module.ts';

@Module({ imports: [FlowsModule], controllers: [FlowsController] })
export class FlowsHttpModule {}
