import { defineErrors } from '../kernel/errors.ts';

/** Errors of publishing and finding flows. What is wrong inside a flow are diagnostics, see `language/diagnostics.ts`. */
export const flowErrors = defineErrors('flow', {
  'not-found': { status: 404, title: 'There is no flow with this name', remedy: 'fix' },
  'unknown-revision': { status: 404, title: 'The flow has no such revision', remedy: 'fix' },
  invalid: {
    status: 422,
    title: 'The flow has mistakes and was not published',
    remedy: 'fix',
    help: 'Each problem says its line and column, and what to write instead.',
  },
  'tests-failed': {
    status: 422,
    title: 'Tests of the flow fail, and it was not published',
    remedy: 'fix',
    help: 'Each problem says its line and column. kassaflow test shows the whole run; --skip-tests publishes all the same.',
  },
  changed: {
    status: 412,
    title: 'Somebody else has changed the flow since you read it',
    remedy: 'fix',
    help: 'Read it again, bring your change over, and publish with its new ETag.',
  },
  precondition: {
    status: 428,
    title: 'Say which version of the flow you have changed',
    remedy: 'fix',
    help: 'Send If-Match with the ETag of the flow, or If-None-Match: * for a new one.',
  },
  'other-name': { status: 422, title: 'The flow in the text has another name than its file or address', remedy: 'fix' },
  disabled: { status: 409, title: 'The flow is disabled', remedy: 'fix', help: 'Enable it first.' },
});
