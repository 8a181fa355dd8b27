/** What flows can speak of, found without a database and without a running Kassaflow. */
import { existsSync, readFileSync } from 'node:fs';
import { accountingActions } from '../domain/accounting/accounting.actions.ts';
import { creditActions } from '../domain/credits/credit.actions.ts';
import { writeOffAction } from '../domain/invoices/write-off.action.ts';
import { dunningActions } from '../domain/dunning/dunning.actions.ts';
import { payLinkAction, requestLinkAction } from '../domain/checkout/pay-link.action.ts';
import { announceAction } from '../domain/payments/mandates/announce.action.ts';
import { chargeAction } from '../domain/payments/mandates/charge.action.ts';
import { refundActions } from '../domain/payments/refund.action.ts';
import { FlowVocabulary } from '../flows/flow-vocabulary.ts';
import type { Vocabulary } from '../flows/language/vocabulary.ts';
import { vocabularyFrom, type WireVocabulary } from '../flows/wire-vocabulary.ts';
import { ActionDoor, type ActionManifest } from '../plugin-host/action-call.ts';
import type { BuiltInAction } from '../plugin-host/built-in-actions.ts';
import { PluginCatalogue } from '../plugin-host/plugin-catalogue.ts';
import { optionsFrom } from '../plugin-host/plugin-host-options.ts';
import { PluginHost } from '../plugin-host/plugin-host.ts';
import { staffTask } from '../runs/operations/staff-task.action.ts';
import type { CommandContext } from './command-context.ts';
import { VOCABULARY_FILE } from './project-folder.ts';

/**
 * The vocabulary that `kassaflow schema` wrote, which has a tenant's connections; without that file the events, subjects and
 * actions of this installation. What plugins offer is what they have said before; those that are new here are asked.
 */
export async function vocabularyOffline(context: CommandContext): Promise<Vocabulary> {
  if (existsSync(VOCABULARY_FILE)) return vocabularyFrom(JSON.parse(readFileSync(VOCABULARY_FILE, 'utf8')) as WireVocabulary); // written by this program
  const { pluginsDir, packages, isolation, egressMap, egressAllow, dataDir } = optionsFrom(context.config);
  const host = new PluginHost({ pluginsDir, packages, isolation, egressMap, egressAllow, dataDir, pretendProviders: false });
  try {
    await host.onModuleInit();
    const own = builtInActions().map(({ spec }): ActionManifest => ({ ...spec, plugin: 'core' }));
    const offered = new PluginCatalogue(host).all().flatMap(({ actions }) => actions);
    return new FlowVocabulary(new SpokenDoor([...own, ...offered])).general();
  } finally {
    await host.onApplicationShutdown();
  }
}

/** What the core offers, to be read and never called: a service that is asked for anything is a mistake. */
function builtInActions(): readonly BuiltInAction[] {
  return [
    ...accountingActions(absent()),
    ...creditActions(absent()),
    ...refundActions(absent()),
    chargeAction(absent()),
    announceAction(absent()),
    payLinkAction(absent()),
    requestLinkAction(absent()),
    ...dunningActions(absent()),
    writeOffAction(absent()),
    staffTask(absent()),
  ];
}

function absent<T extends object>(): T {
  const nothing: ProxyHandler<object> = {
    get: (_, name) => {
      throw new TypeError(`offline-vocabulary: ${String(name)} was asked of a service that is not there`);
    },
  };
  return new Proxy({}, nothing) as T; // only ever closed over
}

/** Lists actions and calls none. */
class SpokenDoor extends ActionDoor {
  constructor(private readonly list: readonly ActionManifest[]) {
    super();
  }

  override manifests(): readonly ActionManifest[] {
    return this.list;
  }

  override resolveConnection(): never {
    throw new TypeError('SpokenDoor: it only lists actions');
  }

  override invoke(): never {
    throw new TypeError('SpokenDoor: it only lists actions');
  }

  override lookup(): never {
    throw new TypeError('SpokenDoor: it only lists actions');
  }
}
