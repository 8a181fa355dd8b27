/** Every plugin of this repository that brings a `test/conformance.ts` passes the kit, in this process and in its own. */
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { conformanceTests, type Subject } from '@kassaflow/plugin-sdk/testing';
import { productionDoor } from '../../src/cli/plugin-test/production-door.ts';

const PLUGINS = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../plugins');
const subjects = await Promise.all(
  readdirSync(PLUGINS)
    .map((id) => path.join(PLUGINS, id, 'test/conformance.ts'))
    .filter((file) => existsSync(file))
    .map(async (file) => ((await import(pathToFileURL(file).href)) as { readonly subject: Subject }).subject),
);

describe.each(subjects.map((subject) => [subject.plugin.id, subject] as const))('%s', (_id, subject) => {
  conformanceTests(subject, test, { production: productionDoor });
});

test('plugins that take money bring a conformance.ts', () => {
  const takeMoney = readdirSync(PLUGINS).filter((id) => existsSync(path.join(PLUGINS, id, 'src/payments.ts')) && id !== 'sdk');
  expect(takeMoney.length).toBeGreaterThanOrEqual(5);
  expect(subjects.map(({ plugin }) => plugin.id)).toEqual(expect.arrayContaining(takeMoney));
});
