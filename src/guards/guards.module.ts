import { Global, Module } from '@nestjs/common';
import { CapAlerts } from './cap-alerts.ts';
import { DurableGate } from './durable-gate.ts';
import { Gate } from './gate.ts';
import { GuardBook } from './guard-book.ts';
import { GuardRetention } from './guard-retention.ts';
import { GuardSettings } from './guard-settings.ts';
import { GuardsController } from './guards.controller.ts';
import { ParkedSteps } from './parked-steps.ts';
import { Parking } from './parking.ts';
import { Reservations } from './reservations.ts';
import { Switches } from './switches.ts';

/**
 * Guards outside flows. Needs `Database`, `EnginePool`, `CLOCK`, `Sealer`, `Audit`, `EventLog`, and of the plugin host `Connections` and
 * `ConnectionPaces`, all from global modules. Global itself, because the engine asks its gate at every step.
 */
@Global()
@Module({
  controllers: [GuardsController],
  providers: [
    { provide: Gate, useClass: DurableGate },
    GuardBook,
    GuardRetention,
    GuardSettings,
    ParkedSteps,
    Parking,
    Reservations,
    CapAlerts,
    Switches,
  ],
  exports: [Gate, Parking],
})
export class GuardsModule {}
