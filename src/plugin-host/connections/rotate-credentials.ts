import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '../../kernel/clock.ts';
import { CLOCK } from '../../platform/clock.ts';
import { ConnectionChecks } from '../connection-checks.ts';
import { lookBy } from './connection-health.ts';
import { connectionErrors } from './connection-errors.ts';
import type { Connection } from './connection.ts';
import { Connections } from './connections.ts';
import type { Settings } from './settings.ts';

const HOUR_MS = 3_600_000;

/**
 * Changes credentials without losing an event or a payment. The new ones are tried at the provider first; then both count for a
 * while: a delivery that only the old secret fits is let in, and a call whose new key is refused is made with the old one.
 */
@Injectable()
export class RotateCredentials {
  constructor(
    private readonly connections: Connections,
    private readonly checks: ConnectionChecks,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * @param overlapHours for how long the old settings count; 0 when they are known to others
   * @throws connection.unknown, connection.settings, connection.refused, connection.other-account, connection.not-tried, connection.state
   */
  async rotate(tenantId: string, id: string, settings: Settings, overlapHours: number, actor: string): Promise<Connection> {
    const candidate = await this.connections.withSettings(tenantId, id, settings);
    const { check, refused } = await this.checks.try(candidate);
    if (refused) {
      const pointer = check.field === undefined ? '/settings' : `/settings/${check.field}`;
      const detail = check.message ?? 'The provider does not accept it';
      throw connectionErrors.refused({ problem: detail }).with([{ pointer, code: 'connection.refused', detail }]);
    }
    if (!check.ok) throw connectionErrors['not-tried']({ problem: check.message });
    const before = candidate.lastCheck?.account;
    if (before !== undefined && check.account !== before) throw connectionErrors['other-account']({ now: before, then: check.account });
    const previousUntil = overlapHours > 0 ? new Date(this.clock.now().getTime() + overlapHours * HOUR_MS) : undefined;
    const changed = Object.keys(settings);
    return this.connections.rotate({ candidate, changed, check, previousUntil }, actor, async (tx) => {
      if (previousUntil) await lookBy(tx, id, previousUntil);
    });
  }
}
