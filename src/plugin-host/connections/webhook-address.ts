import { idOf } from '../../kernel/ids.ts';

/** The address of a connection for its provider's webhooks. From our configuration, never from a request: some providers sign it. */
export function webhookAddress(publicUrl: string, plugin: string, connectionId: string): string {
  return `${publicUrl}/webhooks/${plugin}/${idOf('con', connectionId)}`;
}
