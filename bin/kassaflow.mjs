#!/usr/bin/env node
/**
 * The start of every command: the right Node, compiled code, then `dist/cli.js`.
 * Plain JavaScript for old versions of Node, because it has to run there to find the new one.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const NEEDED = 24;
/**
 * Room for what is new, in MiB, as the script `start` gives it too. Under load a run lives for half a second, and with the 64 of Node
 * it is copied once more before it dies: 5 to 10 % of the processor time of a run.
 */
const YOUNG = '--max-semi-space-size=128';

if (Number(process.versions.node.split('.')[0]) < NEEDED) runOnInstalledNode();
else await run();

async function run() {
  // Under the process below: when that one dies, however it dies, this one stops as by SIGTERM.
  if (process.channel) {
    process.channel.unref();
    process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  }
  const { enableCompileCache } = await import('node:module');
  enableCompileCache();
  const cli = new URL('../dist/cli.js', import.meta.url);
  if (!existsSync(cli)) {
    const { build } = await import('../scripts/build.ts');
    await build({ ifStale: false });
  }
  const { runCli } = await import(cli.href);
  await runCli(process.argv.slice(2));
}

/** npm installed a Node of the version we need; this process becomes a thin parent of it. */
function runOnInstalledNode() {
  const node = installedNode();
  if (!node) {
    console.error(
      `Kassaflow needs Node ${NEEDED} or newer; this is ${process.versions.node}. Run \`npm ci\` without --omit=optional, or install it.`,
    );
    process.exitCode = 1;
    return;
  }
  const args = [...process.execArgv, YOUNG, fileURLToPath(import.meta.url), ...process.argv.slice(2)];
  const child = spawn(node, args, { stdio: ['inherit', 'inherit', 'inherit', 'ipc'] });
  // A terminal sends Ctrl-C to both processes; the parent must only wait.
  process.on('SIGINT', () => undefined);
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.once('error', (error) => {
    console.error(`Kassaflow could not start ${node}: ${error.message}`);
    process.exitCode = 1;
  });
  child.once('exit', (code, signal) => {
    process.exitCode = code ?? 128 + (signal === 'SIGKILL' ? 9 : 15);
    process.exit();
  });
}

function installedNode() {
  const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
  try {
    const manifest = createRequire(import.meta.url).resolve(`${name}/package.json`);
    const file = fileURLToPath(new URL(process.platform === 'win32' ? './bin/node.exe' : './bin/node', `file://${manifest}`));
    return existsSync(file) ? file : undefined;
  } catch {
    return undefined;
  }
}
