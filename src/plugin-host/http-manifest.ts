import type { PluginManifest } from './manifest.ts';

/** The built-in connection to any HTTP API: what `http.call` goes through. */
export const HTTP_MANIFEST = {
  id: 'http',
  title: 'HTTP API',
  about: 'Calls an HTTP API with JSON bodies: for systems that have no plugin.',
  version: '1.0.0',
  api: 1,
  hosts: [],
  network: 'gateway',
  settings: {
    type: 'object',
    required: ['baseUrl'],
    properties: {
      baseUrl: {
        type: 'string',
        format: 'uri',
        maxLength: 500,
        title: 'Base address',
        description: 'Every call goes to a path below it',
        'x-placeholder': 'https://api.example.com/v2',
      },
      token: { type: 'string', maxLength: 4_000, title: 'Token', description: 'Sent as Authorization: Bearer', 'x-secret': true },
      headers: {
        type: 'object',
        title: 'Headers',
        description: 'Sent with every call; not for secrets',
        additionalProperties: { type: 'string', maxLength: 2_000 },
      },
    },
  },
  capabilities: [],
  methods: ['connection.check'],
  triggers: [],
  actions: [
    {
      plugin: 'http',
      name: 'http.call',
      title: 'Call an HTTP API',
      about: 'Sends one request through an HTTP connection, with the step’s Idempotency-Key.',
      effect: 'once',
      input: {
        type: 'object',
        required: ['path'],
        properties: {
          method: { type: 'string', enum: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'], default: 'POST' },
          path: { type: 'string', minLength: 1, maxLength: 2_000, title: 'Path and query', 'x-placeholder': '/orders' },
          body: { type: 'object', title: 'Body', description: 'Sent as JSON', additionalProperties: true },
        },
      },
      output: {
        type: 'object',
        required: ['status'],
        properties: {
          status: { type: 'integer', title: 'HTTP status' },
          body: { type: 'object', title: 'Answer, when it is a JSON object', additionalProperties: true },
          items: { type: 'array', title: 'Answer, when it is a JSON list', items: { type: 'object', additionalProperties: true } },
          text: { type: 'string', title: 'Answer, when it is something else' },
        },
      },
      sample: { status: 200, body: { id: '42' } },
    },
  ],
} as const satisfies PluginManifest;
