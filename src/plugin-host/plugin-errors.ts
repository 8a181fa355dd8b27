import { defineErrors } from '../kernel/errors.ts';

/** What can be wrong with a plugin. A plugin with one of these is not started; the others are. */
export const pluginErrors = defineErrors('plugin', {
  manifest: {
    status: 422,
    title: 'The plugin’s package.json or manifest cannot be read',
    remedy: 'fix',
    help: 'package.json needs {"kassaflow": {"plugin": "./src/plugin.ts"}}, and that file a default export made by definePlugin.',
  },
  id: {
    status: 422,
    title: 'The plugin’s id is not its folder’s name, or another plugin has it',
    remedy: 'fix',
    help: 'Small letters, digits and dashes, the same as the folder.',
  },
  api: { status: 422, title: 'The plugin is written for another version of the plugin contract', remedy: 'fix' },
  effect: {
    status: 422,
    title: 'An action’s effect is missing or is not enough for what it does',
    remedy: 'fix',
    help: 'See `Effect` in @kassaflow/plugin-sdk: read, keyed (with keyTtlMs), lookup (with lookup()) or once; money needs keyed or lookup.',
  },
  guards: {
    status: 422,
    title: 'What an action says for its guards does not fit its input',
    remedy: 'fix',
    help: 'See `ActionGuards` in @kassaflow/plugin-sdk: pointers to fields of the input; money.amount to one with the format money.',
  },
  hosts: {
    status: 422,
    title: 'A host in the manifest is not an exact public host name',
    remedy: 'fix',
    help: 'Write api.example.com: no scheme, port, wildcard, IP address or local name.',
  },
  schema: {
    status: 422,
    title: 'A schema is outside the subset that forms, flows and checks understand',
    remedy: 'fix',
    help: 'See `Field` in @kassaflow/plugin-sdk; objects are closed.',
  },
  secret: { status: 422, title: 'A setting that looks like a secret is not marked x-secret', remedy: 'fix' },
  sample: { status: 422, title: 'The sample of an action does not fit its output schema', remedy: 'fix' },
  action: { status: 422, title: 'An action’s name is not `subject.verb` or is used twice', remedy: 'fix' },
  trigger: { status: 422, title: 'A trigger of the plugin is not what the host can use', remedy: 'fix' },
  capability: { status: 422, title: 'A capability lacks a method or value that it needs', remedy: 'fix' },
  path: {
    status: 422,
    title: 'The plugin’s entry file is not inside its own folder',
    remedy: 'fix',
    help: 'A path below the plugin’s folder, without links that lead out of it.',
  },
  load: { status: 422, title: 'The plugin could not be loaded', remedy: 'fix' },
  changed: {
    status: 422,
    title: 'The plugin’s files changed while it was running',
    remedy: 'fix',
    help: 'Restart the application to take the new version.',
  },
  isolation: {
    status: 500,
    title: 'Strict isolation of plugins is not possible on this machine',
    remedy: 'fix',
    help: 'It needs Linux with unprivileged user namespaces and `unshare`; or set KASSAFLOW_PLUGIN_ISOLATION=basic.',
  },
  unavailable: { status: 503, title: 'The plugin does not answer now', remedy: 'retry' },
  answer: { status: 502, title: 'The plugin answered what the contract does not allow', remedy: 'never' },
});
