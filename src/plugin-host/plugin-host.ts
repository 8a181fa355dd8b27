/**
 * All plugins of this installation: found, described, each behind its own gateway, and called by id. Their processes are started when they
 * are needed; `plugin-runner.ts` says how.
 */
import { rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { systemClock } from '../kernel/clock.ts';
import { refusalOf } from './check-manifest.ts';
import { EgressRules } from './egress/egress-rules.ts';
import { EgressGateway } from './egress/gateway.ts';
import { HttpClient } from './egress/http-client.ts';
import { findPlugins, type FoundPlugin, type RefusedPlugin } from './find-plugins.ts';
import { findIsolation, type Isolation, type IsolationLevel } from './isolation.ts';
import type { PluginManifest } from './manifest.ts';
import { processCommand } from './process-command.ts';
import { PluginFingerprints } from './plugin-fingerprint.ts';
import { PluginHostOptions } from './plugin-host-options.ts';
import { rememberedDescription } from './plugin-memory.ts';
import { PluginRunner, type ChildResult, type RunnerCall, type RunnerState } from './plugin-runner.ts';
import { redactSecrets } from './redact.ts';
import { clearDeadSocketFolders, makeSocketFolder } from './socket-folder.ts';
import { PretendProvider } from './pretend-provider.ts';

/** One plugin as operators see it. */
export interface PluginStatus {
  readonly id: string;
  readonly state: RunnerState;
  readonly isolation: IsolationLevel;
  readonly manifest?: PluginManifest;
  /** Why it is refused. */
  readonly problem?: { readonly code: string; readonly message: string };
}

@Injectable()
export class PluginHost implements OnModuleInit, OnApplicationShutdown {
  readonly #options: PluginHostOptions;
  readonly #logger = new Logger('plugins');
  readonly #runners = new Map<string, PluginRunner>();
  readonly #gateways: EgressGateway[] = [];
  readonly #pretend: PretendProvider[] = [];
  readonly #client = new HttpClient();
  readonly #rules: EgressRules;
  #manifests: readonly PluginManifest[] | undefined;
  #refused: readonly RefusedPlugin[] = [];
  #isolation: Isolation | undefined;
  #socketDir = '';

  constructor(options: PluginHostOptions) {
    this.#options = options;
    this.#rules = new EgressRules(options.egressMap, options.egressAllow);
  }

  /** The rules and connections that built-in actions share with the gateways. */
  get egress(): { readonly rules: EgressRules; readonly client: HttpClient } {
    return { rules: this.#rules, client: this.#client };
  }

  /** Servers that play a provider, once {@link onModuleInit} has run. */
  get pretendProviders(): readonly PretendProvider[] {
    return this.#pretend;
  }

  /** Finds out what every plugin is. Resolves when each sleeps or is refused. @throws plugin.isolation */
  async onModuleInit(): Promise<void> {
    this.#isolation = await findIsolation(this.#options.isolation);
    this.#socketDir = makeSocketFolder();
    // Beside the start, which need not wait for it.
    void clearDeadSocketFolders(this.#socketDir);
    const { found, refused } = findPlugins(this.#options.pluginsDir, this.#options.packages, import.meta.url);
    this.#refused = refused;
    for (const { id, error } of refused)
      this.#logger.warn({ plugin: id, code: error.code, problem: error.message }, 'the plugin is refused');
    await Promise.all([this.#describeAll(found), ...this.#startPretendProviders(found)]);
  }

  /** The last hook of a shutdown: runs that end before it still reach their providers. */
  async onApplicationShutdown(): Promise<void> {
    for (const runner of this.#runners.values()) runner.stop();
    await Promise.all([
      ...this.#gateways.map((gateway) => gateway.close()),
      ...this.#pretend.map((provider) => provider.stop()),
      this.#client.close(),
    ]);
    if (this.#socketDir) rmSync(this.#socketDir, { recursive: true, force: true });
  }

  /** Every plugin that was found, by id. */
  status(): readonly PluginStatus[] {
    const isolation = this.#isolation?.level ?? this.#options.isolation;
    const running = [...this.#runners.values()].map(({ id, state, manifest, refusal }) => ({
      id,
      state,
      isolation,
      ...(manifest ? { manifest } : {}),
      ...(refusal ? { problem: refusalOf(refusal) } : {}),
    }));
    const refused = this.#refused.map(({ id, error }) => ({ id, state: 'refused' as const, isolation, problem: refusalOf(error) }));
    return [...running, ...refused];
  }

  /** Starts the process of a plugin that sleeps, so that its next call need not wait. Never rejects. */
  async wake(plugin: string): Promise<void> {
    await this.#runners.get(plugin)?.wake();
  }

  /** The manifest of a plugin that has said what it is. */
  manifest(plugin: string): PluginManifest | undefined {
    return this.#runners.get(plugin)?.manifest;
  }

  /** Of every plugin that has said what it is and was not refused; the same list until one of them changes its state. */
  manifests(): readonly PluginManifest[] {
    return (this.#manifests ??= [...this.#runners.values()].flatMap(({ manifest, state }) =>
      manifest && state !== 'refused' ? [manifest] : [],
    ));
  }

  /** Process id of the plugin's child, for operators; undefined while it sleeps. */
  pid(plugin: string): number | undefined {
    return this.#runners.get(plugin)?.pid;
  }

  /** Calls a method of a plugin. Never rejects. */
  call(plugin: string, call: RunnerCall): Promise<ChildResult> {
    const runner = this.#runners.get(plugin);
    return runner
      ? runner.call(call)
      : Promise.resolve({ kind: 'unavailable', message: `The plugin ${plugin} is not installed`, retryAfterMs: 60_000 });
  }

  /** Not all at once: they would take each other's time, and a slow machine would take one of many for hung. */
  async #describeAll(found: readonly FoundPlugin[]): Promise<void> {
    const fingerprints = new PluginFingerprints(this.#isolation?.level ?? this.#options.isolation);
    const waiting = found.values();
    const describeNext = async (): Promise<void> => {
      for (const plugin of waiting) await this.#describe(plugin, fingerprints.of(plugin));
    };
    await Promise.all(Array.from({ length: 2 * availableParallelism() }, describeNext));
  }

  async #describe(plugin: FoundPlugin, fingerprint: string | undefined): Promise<void> {
    const gateway = new EgressGateway(this.#rules, this.#client, (note) =>
      this.#logger.debug({ plugin: plugin.id, ...note }, 'provider request'),
    );
    this.#gateways.push(gateway);
    const socket = join(this.#socketDir, `${plugin.id}.sock`);
    await gateway.listen(socket);
    const isolation = this.#isolation ?? { level: this.#options.isolation, dieWithHost: [] };
    const runner = new PluginRunner({
      id: plugin.id,
      folder: plugin.folder,
      command: (network) => processCommand(isolation, plugin, network, socket),
      gateway,
      clock: systemClock,
      moved: () => (this.#manifests = undefined),
      ...(fingerprint === undefined ? {} : { memory: rememberedDescription(this.#options.dataDir, plugin.id, fingerprint) }),
      log: (level, message, facts) =>
        this.#logger[level === 'warn' ? 'warn' : 'log']({ plugin: plugin.id, ...redactSecrets(facts) }, message),
    });
    this.#runners.set(plugin.id, runner);
    await runner.describe();
  }

  #startPretendProviders(found: readonly FoundPlugin[]): Promise<void>[] {
    if (!this.#options.pretendProviders) return [];
    return found.flatMap(({ id, folder, provider }) => {
      if (!provider) return [];
      const server = new PretendProvider(id, folder, provider, this.#options, this.#rules);
      this.#pretend.push(server);
      return [server.start()];
    });
  }
}
