import type { Config } from '../platform/config/config.ts';
import type { IsolationLevel } from './isolation.ts';

/** What the operator decides about plugins; the app module fills it from the configuration. Also the token it is injected by. */
export abstract class PluginHostOptions {
  /** Folder whose subfolders are plugins. */
  abstract readonly pluginsDir: string;
  /** Names of installed packages that are plugins. */
  abstract readonly packages: readonly string[];
  abstract readonly isolation: IsolationLevel;
  /** Origins that are led elsewhere: `https://api.example.com` → `http://127.0.0.1:1234`. Empty in production. */
  abstract readonly egressMap: ReadonlyMap<string, string>;
  /** `host` or `host:port` of the own network that connections may call, with http too. */
  abstract readonly egressAllow: readonly string[];
  /** Starts the pretend providers that plugins bring: the demo and tests only. */
  abstract readonly pretendProviders: boolean;
  /** Where pretend providers keep their data. */
  abstract readonly dataDir: string;
}

/** The options that the configuration means. Pretend providers run in the demo and in tests, never in production. */
export function optionsFrom(config: Config): PluginHostOptions {
  return {
    pluginsDir: config.pluginsDirectory,
    packages: config.pluginPackages,
    isolation: config.pluginIsolation,
    egressMap: config.egressMap,
    egressAllow: config.egressAllow,
    pretendProviders: config.environment !== 'production' && (config.demo || config.environment === 'test'),
    dataDir: config.dataDirectory,
  };
}
