import { Injectable } from '@nestjs/common';
import { systemClock } from '../kernel/clock.ts';
import { ConnectionLane } from './connection-lane.ts';
import { ConnectionPaces, type PacedConnection } from './connection-paces.ts';
import type { Connection } from './connections/connection.ts';
import { PluginCatalogue } from './plugin-catalogue.ts';

/** The lane of each connection, shared by actions and provider calls. A lane is small, so none is ever thrown away. */
@Injectable()
export class ConnectionLanes {
  readonly #lanes = new Map<string, ConnectionLane>();
  /** The connection as each lane saw it last: the same object until it changes. */
  readonly #seen = new WeakMap<ConnectionLane, object>();

  constructor(
    private readonly paces: ConnectionPaces,
    private readonly catalogue: PluginCatalogue,
  ) {}

  of(connection: Pick<Connection, 'id' | 'tenantId' | 'plugin' | 'callsPerSecond'>): ConnectionLane {
    const { id } = connection;
    let lane = this.#lanes.get(id);
    if (!lane) {
      lane = new ConnectionLane(systemClock, {
        held: () => this.paces.held(id),
        take: (paced, withinMs) => this.paces.take(paced, withinMs),
        hold: (paced, forMs) => this.paces.hold(paced, forMs),
      });
      this.#lanes.set(id, lane);
    }
    if (this.#seen.get(lane) !== connection) {
      this.#seen.set(lane, connection);
      lane.connection = this.#paced(connection);
    }
    return lane;
  }

  /** What the connection says, else what its plugin says of the provider. */
  #paced({ id, tenantId, plugin, callsPerSecond }: Parameters<ConnectionLanes['of']>[0]): PacedConnection {
    return { id, tenantId, perSecond: callsPerSecond ?? this.catalogue.find(plugin)?.callsPerSecond };
  }
}
