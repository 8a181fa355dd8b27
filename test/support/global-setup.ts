/** Before all test files: a door at which they ask for the one PostgreSQL of this run. Nobody asks, none is started. */
import { chmodSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openClusterDoor } from './cluster-door.ts';

export default async function globalSetup(): Promise<void> {
  const directory = mkdtempSync(path.join(tmpdir(), 'kassaflow-test-'));
  chmodSync(directory, 0o711);
  process.env['TEST_CLUSTER_DOOR'] = await openClusterDoor(directory);
}
