import { Injectable } from '@nestjs/common';
import { HTTP_MANIFEST } from './http-manifest.ts';
import type { PluginManifest } from './manifest.ts';
import { PluginHost } from './plugin-host.ts';

/** Everything that a connection can be made for: the plugins that run, and the built-in HTTP connection. */
@Injectable()
export class PluginCatalogue {
  constructor(private readonly host: PluginHost) {}

  find(id: string): PluginManifest | undefined {
    return id === HTTP_MANIFEST.id ? HTTP_MANIFEST : this.host.manifest(id);
  }

  all(): readonly PluginManifest[] {
    return [HTTP_MANIFEST, ...this.host.manifests()];
  }
}
