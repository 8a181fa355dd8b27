/** `kassaflow plugin test` as a process: what it prints, what it writes, and its exit codes 0, 1 and 2. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';

const HERE = path.dirname(fileURLToPath(import.meta.url));
const PROGRAM = path.join(HERE, '../../bin/kassaflow.mjs');
const TIMEOUT_MS = 90_000;

interface Ended {
  readonly code: number;
  readonly output: string;
  readonly errors: string;
}

/** The command in an installation whose plugins are the folders beside this file. */
function pluginTest(...parameters: readonly string[]): Promise<Ended> {
  const env = { ...process.env, KASSAFLOW_PLUGINS_DIR: HERE };
  return new Promise((resolve) => {
    execFile(process.execPath, [PROGRAM, 'plugin', 'test', ...parameters], { env, timeout: TIMEOUT_MS }, (error, output, errors) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, output, errors }),
    );
  });
}

describe('kassaflow plugin test', () => {
  test(
    'passes a good plugin, through the host too, and writes the report with the hash of its files',
    async () => {
      const folder = mkdtempSync(path.join(tmpdir(), 'kassaflow-kit-report-'));
      const file = path.join(folder, 'conformance.json');
      const { code, output } = await pluginTest('coin', '--report', file);
      expect(output).toMatch(/^coin 1\.0\.0: \d+ passed, 0 failed, \d+ left out/);
      expect(output).not.toContain('the host was not there');
      expect(code).toBe(0);
      const document = JSON.parse(readFileSync(file, 'utf8')) as unknown;
      rmSync(folder, { recursive: true });
      expect(document).toMatchObject({
        conformance: 1,
        reports: [{ plugin: 'coin', kit: '0.1.0', package: expect.stringMatching(/^[0-9a-f]{64}$/), failed: 0, face: { id: 'coin' } }],
        problems: [],
      });
    },
    TIMEOUT_MS,
  );

  test(
    'fails a plugin that is wrong, and says what was expected, what came and where to look',
    async () => {
      const shown = await pluginTest('generous');
      expect(shown.output).toContain('[P11!]');
      expect(shown.output).toMatch(
        /P11 failed: .*\n +expected +failed for more than is left\n +came +\{"kind":"ok".*\n +look at +payments\.refund/,
      );
      expect(shown.code).toBe(1);
      const asJson = await pluginTest('generous', '--json');
      expect(JSON.parse(asJson.output)).toMatchObject({ reports: [{ failed: 1 }] });
      expect(asJson.code).toBe(1);
    },
    TIMEOUT_MS,
  );

  test(
    'ends a plugin that never gives its process back, and says in which test',
    async () => {
      const { code, output } = await pluginTest('endless');
      expect(output).toMatch(/endless: the run ended in M8 \(.*\): it kept its process busy without end and was stopped/);
      expect(output).toContain('an endless loop in the plugin, or in a lever');
      expect(code).toBe(1);
    },
    TIMEOUT_MS,
  );

  test('says that there is no such plugin', async () => {
    const { code, errors } = await pluginTest('nowhere');
    expect(errors).toContain('there is no plugin nowhere');
    expect(code).toBe(2);
  });
});
