import { cliErrors } from './cli-errors.ts';
import type { CommandContext } from './command-context.ts';

/** A connection, as far as commands show it. */
export interface ConnectionView {
  readonly id: string;
  readonly name: string;
  readonly plugin: string;
  readonly mode: string;
  readonly status: string;
  readonly isDefault: boolean;
  readonly lastCheck: { readonly ok: boolean; readonly message?: string; readonly account?: string } | null;
  readonly previousUntil: string | null;
  readonly webhook: { readonly status: string; readonly url: string | null; readonly problem: string | null };
}

/** A connection by its name or id. @throws cli.usage when there is none */
export async function findConnection(context: CommandContext, name: string): Promise<ConnectionView> {
  const { items } = await context.api.get<{ items: ConnectionView[] }>('/v1/connections');
  const found = items.find((item) => item.name === name || item.id === name);
  if (!found) throw cliErrors.usage({ problem: `there is no connection ${name}`, known: items.map((item) => item.name).join(', ') });
  return found;
}

/** One line about the webhook of a connection. */
export function describeWebhook({ webhook }: ConnectionView): string {
  const problem = webhook.problem === null ? '' : `: ${webhook.problem}`;
  if (webhook.status === 'none') return 'its plugin takes no webhooks';
  if (webhook.status === 'by-hand') return `put this webhook address into the provider's dashboard: ${webhook.url ?? ''}`;
  return `its webhook ${webhook.url ?? ''} is ${webhook.status}${problem}`;
}
