/** The file in the data directory that holds the demo's API key, so that commands on the same machine work without being told. */
export const DEMO_KEY_FILE = 'demo-api-key';
