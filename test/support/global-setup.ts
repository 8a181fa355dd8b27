/**
 * Before all test files: the build that tests of the program start is made anew when it is older than the sources, and there is a
 * door at which they ask for the PostgreSQL of their worker. Nobody asks, none is started.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openClusterDoor } from './cluster-door.ts';

export default async function globalSetup(): Promise<void> {
  execFileSync(process.execPath, [path.join(import.meta.dirname, '../../scripts/build.ts'), '--if-stale'], { stdio: 'inherit' });
  const directory = mkdtempSync(path.join(tmpdir(), 'kassaflow-test-'));
  chmodSync(directory, 0o711);
  process.env['TEST_CLUSTER_DOOR'] = await openClusterDoor(directory);
}
