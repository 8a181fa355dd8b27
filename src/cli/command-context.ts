import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { loadConfig } from '../platform/config/read-config.ts';
import type { Config } from '../platform/config/config.ts';
import { ApiClient } from '../client/api-client.ts';
import { DEMO_KEY_FILE } from '../client/demo-key-file.ts';
import { Printer } from './printer.ts';

/** What every command may use; each part is made when it is first asked for. */
export class CommandContext {
  #config: Config | undefined;

  /** @throws config.invalid */
  get config(): Config {
    this.#config ??= loadConfig().config;
    return this.#config;
  }

  /** The API of the running Kassaflow: KASSAFLOW_URL and KASSAFLOW_API_KEY, else this machine's and the demo's. */
  get api(): ApiClient {
    return new ApiClient({ url: this.config.apiUrl, apiKey: this.config.apiKey?.reveal() ?? this.#demoKey() });
  }

  printer(options: { readonly json?: boolean | undefined }): Printer {
    return new Printer(options.json === true);
  }

  #demoKey(): string | undefined {
    const file = path.join(this.config.dataDirectory, DEMO_KEY_FILE);
    return existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined;
  }
}
