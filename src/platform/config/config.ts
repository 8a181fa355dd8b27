/** Every setting of the process, read once at the start and never changed. */
import type { DatabaseAddress } from '../database/database-address.ts';
import type { Secret } from '../secrets/secret.ts';

/** Injected by this class as the token; made by `readConfig`. Nothing else in `src/` reads the environment. */
export abstract class Config {
  /** `NODE_ENV`. */
  abstract readonly environment: 'development' | 'production' | 'test';
  /** The address to listen on. */
  abstract readonly host: string;
  abstract readonly port: number;
  /** The origin under which people and providers reach us, without a slash at the end. */
  abstract readonly publicUrl: string;
  abstract readonly logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** Which half of the work this process does. */
  abstract readonly role: 'all' | 'web' | 'worker';
  /** Makes the demo tenant, its key and its connections at the first start. */
  abstract readonly demo: boolean;
  /** Absolute path; holds our own PostgreSQL, the master key of the demo and the sandbox's files. */
  abstract readonly dataDirectory: string;
  /** The given server, or `undefined` for our own PostgreSQL in the data directory. */
  abstract readonly database: DatabaseAddress | undefined;
  /** Most connections of the app role, and of the engine role, each. */
  abstract readonly databasePool: number;
  /** Base64 of 32 bytes; `undefined` means the file `master.key` in the data directory. */
  abstract readonly masterKey: Secret | undefined;
  /** The key before the last rotation: still opens, no longer seals. */
  abstract readonly previousMasterKey: Secret | undefined;
  /** A port of its own for `/metrics`, on the loopback address. */
  abstract readonly metricsPort: number | undefined;
  /** The collector's origin; `undefined`: nothing is traced. */
  abstract readonly otlpEndpoint: string | undefined;
  /** A JSON object: what the collector wants with each request. */
  abstract readonly otlpHeaders: Secret | undefined;
  /** 0 to 100. */
  abstract readonly otlpPercent: number;
  abstract readonly pluginIsolation: 'basic' | 'strict';
  /** Absolute path of the folder in which plugins are looked for. */
  abstract readonly pluginsDirectory: string;
  /** Names of installed npm packages that are plugins as well. */
  abstract readonly pluginPackages: readonly string[];
  /** Where flows come from: the files of `flowsDirectory`, or what was published through the API. */
  abstract readonly flows: 'files' | 'database';
  abstract readonly flowsDirectory: string;
  /** Short name of the tenant whose flows are those files. */
  abstract readonly flowsTenant: string;
  /** Origins that calls of plugins are sent to instead: `https://api.example.com` → `http://127.0.0.1:1234`. */
  abstract readonly egressMap: ReadonlyMap<string, string>;
  /** `host` or `host:port` of the own network that connections may call, with http too. */
  abstract readonly egressAllow: readonly string[];
  /** Runs held in memory at once; above it events wait, then are refused with 429. */
  abstract readonly maxInFlight: number;
  /** Milliseconds after which a process that stopped renewing its lease has lost its runs. */
  abstract readonly leaseMs: number;
  /** Milliseconds until a provider is asked again what became of a call whose outcome is unknown. */
  abstract readonly askAgainMs: number;
  /** Group commits under way at the same time. */
  abstract readonly flushLanes: number;
  /** Days for which a run and its journal are kept after its end. */
  abstract readonly keepRunsDays: number;
  /** Days for which events and their keys are kept; not less than runs. */
  abstract readonly keepEventsDays: number;
  /** Days for which deliveries of providers that have gone well are kept. */
  abstract readonly keepWebhooksDays: number;
  /** Days for which checkout sessions and payment requests are kept, from when they were made. */
  abstract readonly keepCheckoutsDays: number;
  /** Days for which the page of a receipt can be opened, from its newest version. */
  abstract readonly receiptPageDays: number;
  /** How long before the end of an authorization `payment.capture-due` comes, in milliseconds. */
  abstract readonly captureNoticeMs: number;
  /** Requests per minute of one API key or address; events are held back by the engine instead. */
  abstract readonly requestsPerMinute: number;
  /** Of one API key, open at the same time; 0 for no limit. */
  abstract readonly streamsPerKey: number;
  /** Of one stream token, open at the same time; 0 for no limit. */
  abstract readonly streamsPerToken: number;
  /** Of browsers, open at the same time; 0 for no limit. */
  abstract readonly streamsPerAddress: number;
  /** For the command line: where the running Kassaflow is. */
  abstract readonly apiUrl: string;
  /** For the command line: the key it calls the API with. */
  abstract readonly apiKey: Secret | undefined;
}
