import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { until } from '../../test/support/until.ts';
import { lineReader } from './child/protocol.ts';
import { findIsolation } from './isolation.ts';
import { TEST_PLUGINS } from './test-host.ts';

const HERE = join(TEST_PLUGINS, '..');

/** A host of its own process that starts the plugin `bad`, makes it do `how` and prints the child's pid. */
const HOST = `
  import { PluginProcess } from ${JSON.stringify(join(HERE, 'plugin-process.ts'))};
  const [how, ...wrapper] = process.argv.slice(1);
  const command = [...wrapper, process.execPath, '--conditions=kassaflow-source', ${JSON.stringify(join(HERE, 'child/main.ts'))}, ${JSON.stringify(join(TEST_PLUGINS, 'bad/plugin.ts'))}, '/none'];
  const child = new PluginProcess(command, ${JSON.stringify(join(TEST_PLUGINS, 'bad'))}, {
    onMessage(message) {
      if (message.t !== 'manifest') return;
      child.send({ t: 'call', id: '1', path: 'action:bad.do:run', context: { settings: {}, now: 0 }, input: { how } });
      process.stdout.write(child.pid + '\\n');
    },
    onOutput() {}, onGone() {},
  });
  setInterval(() => {}, 1000);
`;

test.each([
  ['a waiting', 'never', false],
  ['a hung', 'hang', true],
])('%s child does not outlive a host that is killed', async (_what, how, withWrapper) => {
  const { dieWithHost } = await findIsolation('basic');
  const host = spawn(process.execPath, ['--input-type=module', '--eval', HOST, how, ...(withWrapper ? dieWithHost : [])], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(host.stdout, 'data')) as [Buffer];
  const pid = Number(line.toString());
  expect(isAlive(pid)).toBe(true);
  host.kill('SIGKILL');
  await until(
    () => !isAlive(pid),
    () => `child ${pid} is still there`,
  );
});

test('a line is cut wherever the chunks end, and one that is too long is reported once', () => {
  const lines: string[] = [];
  let tooLong = 0;
  const read = lineReader(
    10,
    (line) => lines.push(line),
    () => {
      tooLong += 1;
    },
  );
  for (const piece of ['ab', 'c\nd', 'ef\n\nxyz', '\n', '0123456789', 'A', 'B\nC\n']) read(Buffer.from(piece));
  expect([lines, tooLong]).toEqual([['abc', 'def', '', 'xyz'], 1]);
});

/** A zombie is dead: nobody in this test's container need collect it. */
function isAlive(pid: number): boolean {
  const status = `/proc/${pid}/status`;
  return existsSync(status) && !/^State:\s+Z/m.test(readFileSync(status, 'utf8'));
}
