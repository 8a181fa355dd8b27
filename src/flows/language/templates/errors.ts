import { defineErrors } from '../../../kernel/errors.ts';

/** What can be wrong with a text that has `{{ }}` in it. */
export const templateErrors = defineErrors('template', {
  syntax: { status: 422, title: 'The text has a mistake in its {{ }}', remedy: 'fix' },
  type: { status: 422, title: 'A template is a text', remedy: 'fix' },
  'too-long': { status: 422, title: 'A text has at most 65,536 characters', remedy: 'fix' },
  helper: {
    status: 422,
    title: 'There is no such helper',
    remedy: 'fix',
    help: 'There are: money date time number join upper lower default plural link, and if unless each with.',
  },
  partial: { status: 422, title: 'A text cannot include another one', remedy: 'fix' },
  decorator: { status: 422, title: 'Decorators are not allowed in a text', remedy: 'fix' },
  raw: {
    status: 422,
    title: 'Three braces would switch off the protection against foreign HTML',
    remedy: 'fix',
    help: 'Write two braces: {{ name }}.',
  },
  'unknown-field': { status: 422, title: 'There is no such field', remedy: 'fix' },
  object: { status: 422, title: 'This is not a single value', remedy: 'fix' },
  unsupported: { status: 422, title: 'This part of Handlebars is not available', remedy: 'fix' },
  attribute: {
    status: 422,
    title: 'A value in an HTML attribute needs quotes, and an address needs the link helper',
    remedy: 'fix',
    help: 'Write href="{{ link invoice.payUrl }}".',
  },
  context: { status: 422, title: 'A value cannot stand inside a script or a style', remedy: 'fix' },
  budget: { status: 422, title: 'The text takes too many steps', remedy: 'fix' },
  output: { status: 422, title: 'The text becomes longer than 262,144 characters', remedy: 'fix' },
  value: { status: 422, title: 'The text cannot be made from these values', remedy: 'fix' },
});
