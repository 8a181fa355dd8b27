import { Counter } from 'prom-client';
import type { Metrics } from '../../platform/observability/metrics.ts';
import type { ActionManifest } from '../../plugin-host/action-call.ts';
import { Gate, type GuardedCall, type Settlement, type Verdict } from '../../guards/gate.ts';

/** A gate whose verdicts against a call are counted. */
export class CountedGate extends Gate {
  readonly #stops: Counter<'action' | 'result'>;

  constructor(
    private readonly gate: Gate,
    { registry }: Metrics,
  ) {
    super();
    this.#stops = new Counter({
      name: 'kassaflow_guard_stops_total',
      help: 'Calls that a guard did not let out, by result: parked, refused, already-sent',
      labelNames: ['action', 'result'],
      registers: [registry],
    });
  }

  override watches(tenantId: string, manifest: ActionManifest, connectionId: string | undefined): boolean {
    return this.gate.watches(tenantId, manifest, connectionId);
  }

  override async admit(call: GuardedCall): Promise<Verdict> {
    const verdict = await this.gate.admit(call);
    if (verdict.kind !== 'go') this.#stops.inc({ action: call.manifest.name, result: resultOf(verdict) });
    return verdict;
  }

  override settles(manifest: ActionManifest): boolean {
    return this.gate.settles(manifest);
  }

  override settle(call: GuardedCall, settlement: Settlement): Promise<void> {
    return this.gate.settle(call, settlement);
  }

  override proceeded(runId: string, step: string): void {
    this.gate.proceeded(runId, step);
  }
}

function resultOf(verdict: Exclude<Verdict, { kind: 'go' }>): 'parked' | 'refused' | 'already-sent' {
  if (verdict.kind === 'park') return 'parked';
  return verdict.outcome.kind === 'ok' ? 'already-sent' : 'refused';
}
