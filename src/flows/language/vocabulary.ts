/**
 * What flows can speak of: the events, subjects, actions and connections of one installation, as plain data.
 *
 * The server fills it from the event catalogue and the plugins; the browser gets it as JSON. Nothing else enters the
 * checker, so the same text and the same vocabulary give the same answer everywhere.
 */
import type { Schema, Text } from '@kassaflow/plugin-sdk';
import type { ActionManifest } from '../../plugin-host/action-call.ts';
import type { JsonSchema } from './shape.ts';

/** What the checker needs of an action's manifest. */
export type ActionWord = Pick<ActionManifest, 'name' | 'title' | 'about' | 'input' | 'output' | 'effect' | 'plugin'> &
  Partial<Pick<ActionManifest, 'movesMoney' | 'undo' | 'uses' | 'keyTtlMs' | 'sample' | 'causes'>>;

/** A tenant's connection, as far as `via:` can name it. */
export interface ConnectionWord {
  readonly name: string;
  readonly plugin: string;
  readonly mode: 'test' | 'live';
}

/** A trigger that a plugin offers: what `with:` takes, and the shape of `event.item`. */
export interface TriggerWord {
  readonly name: string;
  readonly title: Text;
  readonly plugin: string;
  readonly input: Schema;
  readonly output: Schema;
}

export interface Vocabulary {
  /** Schema of each event's payload by type (`payment.completed`). */
  readonly events: ReadonlyMap<string, JsonSchema>;
  /** Schema of each subject by the name that flows use (`payment`). */
  readonly subjects: Readonly<Record<string, JsonSchema>>;
  readonly actions: readonly ActionWord[];
  /** Absent: the checker does not look at connections (a flow is checked without a tenant). */
  readonly connections?: readonly ConnectionWord[];
  /** Triggers that plugins offer (`exact.invoice-changed`). */
  readonly triggers?: readonly TriggerWord[];
  /** Names of the other flows, for `run:`; absent: not looked at. */
  readonly flows?: readonly string[];
  /** The flows that each of them runs, as far as it is known: circles are found with it. */
  readonly calls?: Readonly<Record<string, readonly string[]>>;
  /** What each of them takes from who starts it; `null`: nobody can, only events do. Not in it: not known. */
  readonly forms?: Readonly<Record<string, Schema | null>>;
}

/** Events that an author makes up; the event log takes no other form. */
export const CUSTOM_EVENT = /^(?=.{1,128}$)custom(?:\.[a-z][a-z0-9]*(?:-[a-z0-9]+)*){1,8}$/;
