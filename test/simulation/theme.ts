/** What a schedule is mostly about: most are about everything, and some make likelier what needs many things to come together. */
import { FLOWS } from './catalogue.ts';
import type { CompiledFlow } from '../../src/flows/language/compiled-flow.ts';

/** What comes from outside. */
export type Happening =
  'time' | 'timer' | 'order' | 'event' | 'repeat' | 'person' | 'answer' | 'late request' | 'clock' | 'crash' | 'pause' | 'stop';

export interface Theme {
  /** Absent: any flow, written or generated. */
  readonly flows: readonly CompiledFlow[] | undefined;
  readonly happenings: readonly Happening[];
  /** One flush of so many is held up, cut off, or answered to nobody, in each of these ways. */
  readonly oneFlushOf: number;
  /** So many orders at least may come, whatever the size. */
  readonly orders: number;
}

const EVERYTHING: Theme = {
  flows: undefined,
  happenings: [
    'time',
    'timer',
    'order',
    'event',
    'repeat',
    'person',
    'person',
    'answer',
    'late request',
    'clock',
    'crash',
    'pause',
    'stop',
  ],
  oneFlushOf: 24,
  orders: 1,
};
/** A process that stands still, with the answer to its flush unread, while another one goes on with its runs. */
const ZOMBIES: Theme = {
  flows: FLOWS.filter(({ name }) => ['short-key', 'three-calls', 'handled', 'undone'].includes(name)),
  happenings: ['pause', 'pause', 'time', 'timer', 'event', 'late request', 'order'],
  oneFlushOf: 10,
  orders: 1,
};
/** Runs in line for one key. */
const TURNS: Theme = {
  flows: FLOWS.filter(({ onePer }) => onePer !== undefined),
  happenings: ['order', 'order', 'time', 'timer', 'event', 'person', 'crash', 'pause'],
  oneFlushOf: 8,
  orders: 3,
};

/** One is chosen for each schedule. */
export const THEMES = [EVERYTHING, EVERYTHING, EVERYTHING, EVERYTHING, EVERYTHING, EVERYTHING, ZOMBIES, TURNS] as const;
