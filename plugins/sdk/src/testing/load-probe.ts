/**
 * Loads a plugin in a process of its own and says what it left behind: `load-probe.ts <entry file>`. One line of JSON:
 * what holds the process open after the import that did not before. A timer with `unref` holds nothing open and is not seen.
 */
import { setImmediate } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { isPlugin } from '../plugin.ts';

// Opened by the first who writes to them, which may be a library that warns: they are nobody's leftovers.
const output = [process.stdout, process.stderr] as const;
const before = process.getActiveResourcesInfo();
const { default: plugin } = (await import(pathToFileURL(process.argv[2] ?? '').href)) as { readonly default?: unknown };
await setImmediate();
const left = process.getActiveResourcesInfo();
for (const name of before) if (left.includes(name)) left.splice(left.indexOf(name), 1);
output[0].write(`${JSON.stringify({ plugin: isPlugin(plugin), left })}\n`, () => process.exit());
