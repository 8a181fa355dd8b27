/** What a kill switch stops: everything of a tenant, or the calls of one flow, connection, action or plugin. */
export const SWITCH_LEVELS = ['tenant', 'flow', 'connection', 'action', 'plugin'] as const;
export type SwitchLevel = (typeof SWITCH_LEVELS)[number];
