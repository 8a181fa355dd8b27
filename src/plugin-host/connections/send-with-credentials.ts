import type { Outcome } from '@kassaflow/plugin-sdk';
import { beforeRotation, type OpenConnection } from './connection.ts';
import type { Connections } from './connections.ts';

/**
 * Sends a call with the connection's credentials. Those that were just rotated may not do yet, or never; a call that they were
 * refused for did nothing, so it is made once more with the ones before, while those still count. A connection whose credentials are all
 * refused is paused.
 */
export async function sendWithCredentials<T>(
  connections: Connections,
  connection: OpenConnection,
  now: Date,
  send: (as: OpenConnection) => Promise<Outcome<T>>,
): Promise<Outcome<T>> {
  const outcome = await send(connection);
  if (outcome.kind !== 'failed' || outcome.reason !== 'auth') return outcome;
  const before = beforeRotation(connection, now);
  const second = before && (await send(before));
  if (!second || (second.kind === 'failed' && second.reason === 'auth')) {
    await connections.pause(connection, outcome.message);
    return outcome;
  }
  await connections.noteNewRefused(connection, outcome.message);
  return second;
}
