import { Injectable } from '@nestjs/common';
import { systemClock } from '../kernel/clock.ts';
import { ConnectionLane } from './connection-lane.ts';

/** The lane of each connection, shared by actions and provider calls. A lane is small, so none is ever thrown away. */
@Injectable()
export class ConnectionLanes {
  readonly #lanes = new Map<string, ConnectionLane>();

  of(connectionId: string): ConnectionLane {
    let lane = this.#lanes.get(connectionId);
    if (!lane) {
      lane = new ConnectionLane(systemClock);
      this.#lanes.set(connectionId, lane);
    }
    return lane;
  }
}
