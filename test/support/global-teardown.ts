/** After all test files: stops the PostgreSQL of this run, if one was started, and removes its files. */
import { closeClusterDoor } from './cluster-door.ts';

export default async function globalTeardown(): Promise<void> {
  await closeClusterDoor();
}
