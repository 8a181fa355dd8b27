import { hash } from 'node:crypto';

/**
 * The key of one attempt group: the same for every attempt of a step, in every process, and different for everything else.
 * 43 characters of base64url, because some providers take no more than 50.
 */
export function idempotencyKey(tenantId: string, runId: string, step: string, group: number): string {
  return hash('sha256', `${tenantId}\0${runId}\0${step}\0${group}`, 'base64url');
}
