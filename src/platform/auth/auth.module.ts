import { Global, Module } from '@nestjs/common';
import { APP_GUARD, DiscoveryModule } from '@nestjs/core';
import { AccessGuard } from './access.guard.ts';
import { ApiKeysController } from './api-keys.controller.ts';
import { ApiKeys } from './api-keys.ts';
import { Authenticator } from './authenticate.ts';
import { DeclaredAccess } from './declared-access.ts';
import { EndStreams } from './end-streams.ts';
import { KnownKeys } from './known-keys.ts';
import { PageOrigins } from './page-origins.ts';
import { StreamTokens } from './stream-tokens.ts';

/** Nobody gets in but by this module. Needs `Database`, `CLOCK` and `SseStreams` from global modules, and `TenancyModule`. */
@Global()
@Module({
  imports: [DiscoveryModule],
  controllers: [ApiKeysController],
  providers: [
    ApiKeys,
    Authenticator,
    DeclaredAccess,
    EndStreams,
    KnownKeys,
    PageOrigins,
    StreamTokens,
    { provide: APP_GUARD, useClass: AccessGuard },
  ],
  exports: [ApiKeys, Authenticator, EndStreams, PageOrigins, StreamTokens],
})
export class AuthModule {}
