import { describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { KassaflowError, type FieldProblem } from '../../kernel/errors.ts';
import { readConfig, type Environment } from './read-config.ts';
import { envExample, settings } from './settings.ts';

const KEY = '1ks1PYs6CpUe2TkMCnoJP6l30fHbpx7YBc1H7WUAe4Y=';
const read = (environment: Environment = {}) => readConfig(environment, '/srv/kassaflow');

function problemsOf(environment: Environment): readonly FieldProblem[] {
  try {
    read(environment);
  } catch (error) {
    if (error instanceof KassaflowError && error.code === 'config.invalid') return error.problems;
    throw error;
  }
  return [];
}

describe('without any setting', () => {
  test('the demo runs on our own PostgreSQL in ./data', () => {
    expect(read()).toMatchObject({
      demo: true,
      database: undefined,
      dataDirectory: '/srv/kassaflow/data',
      publicUrl: 'http://127.0.0.1:8787',
      role: 'all',
    });
  });

  test('the configuration cannot be changed afterwards', () => {
    expect(() => Object.assign(read(), { port: 1 })).toThrow(TypeError);
  });
});

test('a given server switches the demo off and its password is never printed', () => {
  const config = read({ DATABASE_URL: 'postgresql://kassa:p%40ss@db.example.com:6432/kassaflow?sslmode=verify-full' });
  expect(config.demo).toBe(false);
  expect(config.database).toMatchObject({ host: 'db.example.com', port: 6432, database: 'kassaflow', ssl: { rejectUnauthorized: true } });
  expect(config.database?.login?.password.reveal()).toBe('p@ss');
  expect(inspect(config, { depth: 9 }) + JSON.stringify(config)).not.toContain('p@ss');
});

test('origins are mapped for tests', () => {
  const { egressMap } = read({
    KASSAFLOW_EGRESS_MAP: 'https://api.example.com=http://127.0.0.1:1234, https://b.example=http://127.0.0.1:5',
  });
  expect([...egressMap]).toEqual([
    ['https://api.example.com', 'http://127.0.0.1:1234'],
    ['https://b.example', 'http://127.0.0.1:5'],
  ]);
});

test('hosts of the own network are read as addresses write them, and packages by their names', () => {
  expect(
    read({
      KASSAFLOW_EGRESS_ALLOW: 'ERP.internal, 10.0.0.5:8080,[fd00:0::5]:443,erp.internal',
      KASSAFLOW_PLUGIN_PACKAGES: 'kassaflow-plugin-acme, @acme/plugin-pay',
    }),
  ).toMatchObject({
    egressAllow: ['erp.internal', '10.0.0.5:8080', '[fd00::5]:443'],
    pluginPackages: ['kassaflow-plugin-acme', '@acme/plugin-pay'],
  });
  expect(read()).toMatchObject({ egressAllow: [], pluginPackages: [] });
});

describe('every bad setting is refused with its name and what is accepted', () => {
  const production = { NODE_ENV: 'production', KASSAFLOW_MASTER_KEY: KEY };
  test.each<[string, Environment, string, string, string]>([
    ['G01 not a URL', { DATABASE_URL: 'db.example.com' }, '/DATABASE_URL', 'config.value', 'postgresql://'],
    ['G01 another scheme', { DATABASE_URL: 'mysql://a:hunter2@h/d' }, '/DATABASE_URL', 'config.value', 'the scheme must be'],
    ['G01 an unescaped @', { DATABASE_URL: 'postgresql://a:hunter2@x@h/d' }, '/DATABASE_URL', 'config.value', '%40'],
    ['G01 an unescaped #', { DATABASE_URL: 'postgresql://a:hunter2#x@h/d' }, '/DATABASE_URL', 'config.value', 'percent-encoded'],
    ['G01 no database', { DATABASE_URL: 'postgresql://a:hunter2@h' }, '/DATABASE_URL', 'config.value', 'name of the database'],
    ['G01 an unknown parameter', { DATABASE_URL: 'postgresql://a:hunter2@h/d?foo=1' }, '/DATABASE_URL', 'config.value', 'sslmode'],
    ['G05 no master key in production', { NODE_ENV: 'production' }, '/KASSAFLOW_MASTER_KEY', 'config.missing', 'required in production'],
    [
      'G05 31 bytes',
      { KASSAFLOW_MASTER_KEY: Buffer.alloc(31, 7).toString('base64') },
      '/KASSAFLOW_MASTER_KEY',
      'config.value',
      'exactly 32 bytes',
    ],
    [
      'G05 all zero',
      { KASSAFLOW_MASTER_KEY: Buffer.alloc(32).toString('base64') },
      '/KASSAFLOW_MASTER_KEY',
      'config.value',
      'not an example',
    ],
    [
      'G05 counting bytes',
      { KASSAFLOW_MASTER_KEY: Buffer.from(Array.from({ length: 32 }, (_, i) => i)).toString('base64') },
      '/KASSAFLOW_MASTER_KEY',
      'config.value',
      'not an example',
    ],
    ['G07 port 70000', { PORT: '70000' }, '/PORT', 'config.value', 'from 1 to 65535'],
    ['G07 a port in words', { PORT: 'http' }, '/PORT', 'config.value', 'whole number'],
    ['G07 a port with a space', { PORT: '80 ' }, '/PORT', 'config.value', 'whole number'],
    ['G08 a misspelled name', { KASSAFLOW_ROEL: 'web' }, '/KASSAFLOW_ROEL', 'config.unknown', 'no such setting'],
    ['G09 TRUE', { KASSAFLOW_DEMO: 'TRUE' }, '/KASSAFLOW_DEMO', 'config.value', 'true or false'],
    ['G09 yes', { KASSAFLOW_DEMO: 'yes' }, '/KASSAFLOW_DEMO', 'config.value', 'true or false'],
    ['G09 1 and a space', { KASSAFLOW_DEMO: '1 ' }, '/KASSAFLOW_DEMO', 'config.value', 'true or false'],
    [
      'G11 a public address with a path',
      { KASSAFLOW_PUBLIC_URL: 'https://pay.example.com/x' },
      '/KASSAFLOW_PUBLIC_URL',
      'config.value',
      'without a path',
    ],
    [
      'G11 a public address with a query',
      { KASSAFLOW_PUBLIC_URL: 'https://pay.example.com/?x' },
      '/KASSAFLOW_PUBLIC_URL',
      'config.value',
      'without a path',
    ],
    [
      'G11 http in production',
      { ...production, KASSAFLOW_PUBLIC_URL: 'http://pay.example.com' },
      '/KASSAFLOW_PUBLIC_URL',
      'config.conflict',
      'https://',
    ],
    ['the demo in production', { ...production, KASSAFLOW_DEMO: 'true' }, '/KASSAFLOW_DEMO', 'config.conflict', 'production'],
    [
      'mapped origins in production',
      { ...production, KASSAFLOW_EGRESS_MAP: 'https://a.example=http://127.0.0.1:1' },
      '/KASSAFLOW_EGRESS_MAP',
      'config.conflict',
      'production',
    ],
    ...['http://erp.internal', 'erp.internal/x', '*.internal', 'erp.internal:70000', 'a,,b', '10.0.0.0/8'].map(
      (value): [string, Environment, string, string, string] => [
        `a host of the own network written ${value}`,
        { KASSAFLOW_EGRESS_ALLOW: value },
        '/KASSAFLOW_EGRESS_ALLOW',
        'config.value',
        'with commas between them',
      ],
    ),
    ...['../plugin', 'acme@1.0.0', '@acme', 'Acme Plugin'].map((value): [string, Environment, string, string, string] => [
      `a package named ${value}`,
      { KASSAFLOW_PLUGIN_PACKAGES: value },
      '/KASSAFLOW_PLUGIN_PACKAGES',
      'config.value',
      'names of npm packages',
    ]),
    ['an engine that is not there yet', { KASSAFLOW_ENGINE: 'restate' }, '/KASSAFLOW_ENGINE', 'config.value', 'not yet'],
    [
      'a crash point outside of tests',
      { KASSAFLOW_CRASH_AT: 'run.finished.after' },
      '/KASSAFLOW_CRASH_AT',
      'config.unknown',
      'no such setting',
    ],
  ])('%s', (_, environment, pointer, code, words) => {
    const [problem, ...others] = problemsOf(environment);
    expect(problem).toMatchObject({ pointer, code, detail: expect.stringContaining(words) });
    expect(others).toEqual([]);
    expect(JSON.stringify(problem)).not.toContain('hunter2');
  });

  test('a misspelled name is answered with the right one', () => {
    expect(problemsOf({ KASSAFLOW_DATADIR: '/x' })[0]?.help).toBe('Did you mean KASSAFLOW_DATA_DIR?');
  });

  test('all problems are said at once, in the message too', () => {
    expect(problemsOf({ PORT: '0', LOG_LEVEL: 'loud', KASSAFLOW_ROEL: 'web' })).toHaveLength(3);
    expect(() => read({ PORT: '0', LOG_LEVEL: 'loud' })).toThrow(/PORT: found "0".*LOG_LEVEL: found "loud"/);
  });
});

test('G10: an odd time zone or language changes nothing', () => {
  expect(read({ TZ: 'Mars/Olympus', LANG: 'tlh' })).toEqual(read());
});

test('.env.example is what the settings say, in their order', () => {
  expect(readFileSync('.env.example', 'utf8')).toBe(envExample());
});

test('every setting is explained and every default accepted', () => {
  for (const [name, schema] of Object.entries(settings))
    expect([name, schema.description]).toEqual([name, expect.stringMatching(/^.{15,}$/)]);
  for (const line of envExample()
    .split('\n')
    .filter((text) => /^#[A-Z_]+=.+/.test(text))) {
    const [name = '', value = ''] = line.slice(1).split('=');
    expect([line, problemsOf({ [name]: value })]).toEqual([line, []]);
  }
});
