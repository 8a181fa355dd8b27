import { Global, Module } from '@nestjs/common';
import { APP_GUARD, DiscoveryModule } from '@nestjs/core';
import { AccessGuard } from './access.guard.ts';
import { ApiKeysController } from './api-keys.controller.ts';
import { ApiKeys } from './api-keys.ts';
import { Authenticator } from './authenticate.ts';
import { DeclaredAccess } from './declared-access.ts';
import { KnownKeys } from './known-keys.ts';

/** Nobody gets in but by this module. Needs `Database` and `CLOCK` from global modules, and `TenancyModule`. */
@Global()
@Module({
  imports: [DiscoveryModule],
  controllers: [ApiKeysController],
  providers: [ApiKeys, Authenticator, DeclaredAccess, KnownKeys, { provide: APP_GUARD, useClass: AccessGuard }],
  exports: [ApiKeys, Authenticator],
})
export class AuthModule {}
