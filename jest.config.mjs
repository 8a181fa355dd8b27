/** Tests run the TypeScript sources as ES modules; see docs/decisions for why SWC and not ts-jest. */
export default {
  testEnvironment: 'node',
  // The first file of a run waits for PostgreSQL and the first compilation; on a busy machine that passes 5 s.
  testTimeout: 30_000,
  // Jest would leave one core idle: with two of them, half of the machine.
  maxWorkers: '100%',
  testSequencer: '<rootDir>/test/support/longest-first.mjs',
  extensionsToTreatAsEsm: ['.ts'],
  testMatch: ['<rootDir>/{src,plugins,test}/**/*.test.ts'],
  modulePathIgnorePatterns: ['/dist/', '<rootDir>/data/', '<rootDir>/test/perf/peers/'],
  setupFiles: ['<rootDir>/test/support/preload.mjs'],
  globalSetup: '<rootDir>/test/support/global-setup.ts',
  globalTeardown: '<rootDir>/test/support/global-teardown.ts',
  testEnvironmentOptions: { customExportConditions: ['kassaflow-source', 'node', 'node-addons'] },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        swcrc: false,
        module: { type: 'es6' },
        sourceMaps: 'inline',
        jsc: {
          target: 'es2024',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
          keepClassNames: true,
        },
      },
    ],
  },
};
