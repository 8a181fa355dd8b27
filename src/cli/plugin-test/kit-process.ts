/**
 * Runs the kit for one plugin: `kit-process <conformance file>`, started with an IPC channel. It is a process of its own, so that a plugin
 * which keeps it busy without end can be stopped, and so that the twenty seconds of one plugin are no other's.
 */
import { pathToFileURL } from 'node:url';
import { reportOf, runConformance, type Subject } from '@kassaflow/plugin-sdk/testing';
import type { KitMessage } from './kit-messages.ts';
import { productionDoor } from './production-door.ts';

try {
  const subject = await load(process.argv[2] ?? '');
  const results = await runConformance(subject, {
    production: productionDoor,
    starting: (test) => void tell({ t: 'starting', test }),
    finished: (result) => void tell({ t: 'finished', result }),
  });
  await tell({ t: 'report', report: reportOf(subject, results) });
} catch (error) {
  await tell({ t: 'broken', problem: error instanceof Error ? error.message : String(error) });
}
process.exit();

async function load(file: string): Promise<Subject> {
  const { subject } = (await import(pathToFileURL(file).href)) as { readonly subject?: Partial<Subject> };
  if (typeof subject?.start !== 'function' || subject.plugin === undefined || typeof subject.folder !== 'string')
    throw new TypeError(`${file} has no export \`subject\` with plugin, folder and start()`);
  return subject as Subject; // what the kit needs of it is there
}

function tell(message: KitMessage): Promise<void> {
  return new Promise((resolve) => {
    process.send?.(message, () => resolve());
  });
}
