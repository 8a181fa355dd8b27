import { Controller, Get } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Requires } from '../platform/auth/access.ts';
import { HTTP_MANIFEST } from './http-manifest.ts';
import { PluginHost } from './plugin-host.ts';

/** `/v1/plugins`: what is installed, what each can do and needs, whether it runs and how far it is locked in. */
@ApiTags('plugins')
@Controller('v1/plugins')
export class PluginsController {
  constructor(private readonly host: PluginHost) {}

  /** All of them; an installation has a handful. */
  @Get()
  @Requires('plugins:read')
  list(): { items: readonly object[]; nextCursor: null } {
    const builtIn = { id: HTTP_MANIFEST.id, status: 'ready', isolation: 'in-process', manifest: HTTP_MANIFEST };
    return { items: [builtIn, ...this.host.status().map(({ state, ...plugin }) => ({ ...plugin, status: state }))], nextCursor: null };
  }
}
