import { Global, Module } from '@nestjs/common';
import { Config } from '../platform/config/config.ts';
import { ActionDoor } from './action-call.ts';
import { BuiltInActions } from './built-in-actions.ts';
import { CallProvider } from './call-provider.ts';
import { CallTrigger } from './call-trigger.ts';
import { ConnectionChecks } from './connection-checks.ts';
import { ConnectionLanes } from './connection-lanes.ts';
import { ConnectionPaces } from './connection-paces.ts';
import { Connections } from './connections/connections.ts';
import { ConnectionNews } from './connections/connection-news.ts';
import { ConnectionUses } from './connections/connection-uses.ts';
import { ConnectionViews } from './connections/connection-view.ts';
import { ConnectionsController } from './connections/connections.controller.ts';
import { DeliveryNotes } from './connections/delivery-notes.ts';
import { LeaveProvider } from './connections/leave-provider.ts';
import { LookAfterConnections } from './connections/look-after-connections.ts';
import { RotateCredentials } from './connections/rotate-credentials.ts';
import { DeliveryReaders } from './delivery-readers.ts';
import { Invoke } from './invoke.ts';
import { PluginCatalogue } from './plugin-catalogue.ts';
import { PluginHost } from './plugin-host.ts';
import { optionsFrom, PluginHostOptions } from './plugin-host-options.ts';
import { PluginsController } from './plugins.controller.ts';
import { ProviderCalls } from './provider-calls.ts';
import { TriggerDoor } from './trigger-door.ts';
import { WarmPlugins } from './warm-plugins.ts';

/**
 * Plugins, connections and the two doors to them. Needs `Config`, `CLOCK`, `Database`, `EnginePool`, `Sealer`, `Metrics` and `Audit` from global
 * modules. Global itself, because modules of the domain offer actions and flows call them.
 */
@Global()
@Module({
  controllers: [ConnectionsController, PluginsController],
  providers: [
    { provide: PluginHostOptions, inject: [Config], useFactory: optionsFrom },
    { provide: ActionDoor, useClass: Invoke },
    { provide: ProviderCalls, useClass: CallProvider },
    { provide: TriggerDoor, useClass: CallTrigger },
    DeliveryReaders,
    PluginHost,
    PluginCatalogue,
    BuiltInActions,
    Connections,
    ConnectionLanes,
    ConnectionPaces,
    ConnectionChecks,
    ConnectionNews,
    ConnectionUses,
    ConnectionViews,
    DeliveryNotes,
    LeaveProvider,
    LookAfterConnections,
    RotateCredentials,
    WarmPlugins,
  ],
  exports: [
    ActionDoor,
    ProviderCalls,
    TriggerDoor,
    DeliveryReaders,
    BuiltInActions,
    Connections,
    ConnectionPaces,
    ConnectionChecks,
    ConnectionNews,
    ConnectionUses,
    PluginHost,
    PluginCatalogue,
  ],
})
export class PluginHostModule {}
