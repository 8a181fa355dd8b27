/**
 * Runs the server that plays a provider (`kassaflow.provider` in a plugin's package.json) as a child process, in the demo
 * and in tests. It is a server like the provider's own: reached over HTTP by the plugin through the gateway, and by people
 * through `pretend-provider-proxy.ts`.
 *
 * The server is started as `serve DATA_DIRECTORY 0` with an empty environment. It takes a free port and says
 * `{"ready": true, "port": 1234}` over the IPC channel; when that closes it must exit. When it ends early it is started
 * again after 500 ms; its data is its own and survives that.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { extname, join } from 'node:path';
import { Logger } from '@nestjs/common';
import type { EgressRules } from './egress/egress-rules.ts';
import type { PretendProviderSpec } from './find-plugins.ts';
import type { PluginHostOptions } from './plugin-host-options.ts';

const READY_MS = 20_000;
const RESTART_MS = 500;

export class PretendProvider {
  readonly #id: string;
  readonly #folder: string;
  readonly #spec: PretendProviderSpec;
  readonly #options: Pick<PluginHostOptions, 'dataDir'>;
  readonly #rules: EgressRules;
  readonly #logger: Logger;
  #child: ChildProcess | undefined;
  #stopping = false;
  #origin: string | undefined;

  constructor(id: string, folder: string, spec: PretendProviderSpec, options: Pick<PluginHostOptions, 'dataDir'>, rules: EgressRules) {
    this.#id = id;
    this.#folder = folder;
    this.#spec = spec;
    this.#options = options;
    this.#rules = rules;
    this.#logger = new Logger(`pretend-provider ${id}`);
  }

  /** Path of its pages on our own address. */
  get path(): string {
    return this.#spec.path;
  }

  /** Where it listens, as long as it runs. */
  get origin(): string | undefined {
    return this.#origin;
  }

  /** Resolves when it listens, or when it failed to within 20 s (which is logged; its plugin then finds nobody). */
  async start(): Promise<void> {
    const dataDir = join(this.#options.dataDir, this.#id);
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    const child = fork(this.#spec.serve, [dataDir, '0'], {
      cwd: this.#folder,
      env: {},
      execArgv: [
        '--disable-warning=ExperimentalWarning',
        ...(extname(this.#spec.serve) === '.ts' ? ['--conditions=kassaflow-source'] : []),
      ],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.#child = child;
    child.stdout?.resume();
    child.stderr?.on('data', (chunk: Buffer) => this.#logger.warn(chunk.toString('utf8').slice(0, 2_000)));
    child.on('exit', (code, signal) => this.#exited(signal ?? code ?? 0));
    await this.#ready(child);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill('SIGTERM');
    const hard = setTimeout(() => child.kill('SIGKILL'), 2_000);
    await gone;
    clearTimeout(hard);
  }

  #ready(child: ChildProcess): Promise<void> {
    return new Promise((resolve) => {
      const late = setTimeout(() => {
        this.#logger.warn('it did not say that it listens');
        resolve();
      }, READY_MS);
      const done = (): void => {
        clearTimeout(late);
        resolve();
      };
      child.once('exit', done);
      child.on('message', (message: unknown) => {
        const port: unknown = typeof message === 'object' && message !== null && 'port' in message ? message.port : undefined;
        if (typeof port !== 'number') return;
        this.#origin = `http://127.0.0.1:${port}`;
        this.#rules.lead(`https://${this.#spec.host}`, this.#origin);
        done();
      });
    });
  }

  #exited(why: string | number): void {
    this.#origin = undefined;
    if (this.#stopping) return;
    this.#logger.warn(`it ended (${why}) and is started again`);
    setTimeout(() => {
      if (!this.#stopping) void this.start();
    }, RESTART_MS).unref();
  }
}
