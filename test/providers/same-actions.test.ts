import { expect, test } from '@jest/globals';
import type { Plugin } from '@kassaflow/plugin-sdk';
import sandbox from '../../plugins/sandbox/src/plugin.ts';
import smtp from '../../plugins/smtp/src/plugin.ts';
import twilio from '../../plugins/twilio/src/plugin.ts';

test.each<[name: string, one: Pick<Plugin, 'actions'>, other: Pick<Plugin, 'actions'>]>([
  ['sms.send', twilio, sandbox],
  ['email.send', smtp, sandbox],
])('%s has the same input and output in both plugins that offer it, so that a flow runs on either', (name, one, other) => {
  const shape = (plugin: Pick<Plugin, 'actions'>): unknown => {
    const found = plugin.actions?.find((action) => action.name === name);
    return found && { title: found.title, about: found.about, input: found.input, output: found.output };
  };
  expect(shape(one)).toBeDefined();
  expect(shape(one)).toEqual(shape(other));
});
