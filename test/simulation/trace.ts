import type { SimulatedEvent } from './database.ts';

/** Hears what happens, in words. */
export type Trace = (line: string) => void;

export function eventText({ id, data }: SimulatedEvent): string {
  return `${id} ${JSON.stringify(data)}`;
}
