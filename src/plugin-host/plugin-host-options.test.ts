import { expect, test } from '@jest/globals';
import { readConfig } from '../platform/config/read-config.ts';
import { optionsFrom } from './plugin-host-options.ts';

const options = (environment: Record<string, string>) => optionsFrom(readConfig(environment, '/srv/kassaflow'));

test('what the operator allows connections to call, and which packages are plugins, reaches the plugin host', () => {
  expect(options({ KASSAFLOW_EGRESS_ALLOW: 'erp.internal', KASSAFLOW_PLUGIN_PACKAGES: 'kassaflow-plugin-acme' })).toMatchObject({
    egressAllow: ['erp.internal'],
    packages: ['kassaflow-plugin-acme'],
  });
});

test('pretend providers run in the demo and in tests, and never in production', () => {
  const production = { NODE_ENV: 'production', KASSAFLOW_MASTER_KEY: '1ks1PYs6CpUe2TkMCnoJP6l30fHbpx7YBc1H7WUAe4Y=' };
  expect([{}, { NODE_ENV: 'test' }, { KASSAFLOW_DEMO: 'false' }, production].map((one) => options(one).pretendProviders)).toEqual([
    true,
    true,
    false,
    false,
  ]);
});
