import { Injectable } from '@nestjs/common';
import { HTTP_MANIFEST } from './http-manifest.ts';
import type { PluginManifest } from './manifest.ts';
import { PluginHost } from './plugin-host.ts';

/** Everything that a connection can be made for: the plugins that run, and the built-in HTTP connection. */
@Injectable()
export class PluginCatalogue {
  #all: { readonly of: readonly PluginManifest[]; readonly list: readonly PluginManifest[] } = { of: [], list: [HTTP_MANIFEST] };

  constructor(private readonly host: PluginHost) {}

  find(id: string): PluginManifest | undefined {
    return id === HTTP_MANIFEST.id ? HTTP_MANIFEST : this.host.manifest(id);
  }

  /** The same list until a plugin comes or goes: callers keep what they derive from it. */
  all(): readonly PluginManifest[] {
    const of = this.host.manifests();
    if (this.#all.of !== of) this.#all = { of, list: [HTTP_MANIFEST, ...of] };
    return this.#all.list;
  }
}
