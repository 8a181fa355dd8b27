import { Injectable } from '@nestjs/common';
import { RunEngine, type ManualStart } from '../run-engine.ts';
import { PostgresEngine } from './engine.ts';

@Injectable()
export class PostgresRunEngine extends RunEngine {
  constructor(private readonly engine: PostgresEngine) {
    super();
  }

  start({ tenantId, flow, inputs, teams }: ManualStart): Promise<string> {
    return this.engine.startByHand(tenantId, flow, inputs, teams);
  }

  nudge(): void {
    this.engine.nudge();
  }
}
