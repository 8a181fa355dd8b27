/** Everything that can be looked at before somebody asks why it does not start. */
import { systemClock, type Clock } from '../../kernel/clock.ts';
import type { Config } from '../config/config.ts';
import { checkDatabase } from './database-checks.ts';
import type { Finding } from './finding.ts';
import { checkDataDirectory, checkIsolation, checkNode, checkPort } from './machine-checks.ts';

/** Looks at everything, changes nothing, and never throws: what goes wrong is a finding. */
export async function examine(config: Config, clock: Clock = systemClock): Promise<Finding[]> {
  return [
    checkNode(process.versions.node),
    checkDataDirectory(config),
    await checkPort(config),
    ...(await checkDatabase(config, clock)),
    checkIsolation(config),
  ];
}
