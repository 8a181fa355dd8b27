/** The master keys: the one that seals now and, during a rotation, the one before it. */
import { createHmac, randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import path from 'node:path';
import type { Config } from '../config/config.ts';
import type { Key } from './aead.ts';
import { secretsErrors } from './secrets-errors.ts';
import { isSystemError, messageOf } from '../thrown.ts';

/** File in the data directory that holds the key when no setting does. */
const FILE = 'master.key';

/** Where the key of a data directory is, whether it exists or not. */
export function masterKeyFile(dataDirectory: string): string {
  return path.join(dataDirectory, FILE);
}

/** Injected by this class as the token. */
export class MasterKeys {
  /** Seals, and opens what it sealed. */
  readonly current: Key;
  readonly #all: ReadonlyMap<string, Key>;

  constructor(current: Buffer, previous?: Buffer) {
    this.current = keyOf(current);
    const keys = [this.current, ...(previous ? [keyOf(previous)] : [])];
    this.#all = new Map(keys.map((key) => [key.id, key]));
  }

  /**
   * The keys of the settings; without any, the key in the data directory, which is made at the first start.
   * @throws secrets.key-file-unusable
   */
  static from(config: Pick<Config, 'masterKey' | 'previousMasterKey' | 'dataDirectory'>): MasterKeys {
    const current = config.masterKey ? decoded(config.masterKey.reveal()) : readOrMakeFile(masterKeyFile(config.dataDirectory));
    return new MasterKeys(current, config.previousMasterKey && decoded(config.previousMasterKey.reveal()));
  }

  find(id: string): Key | undefined {
    return this.#all.get(id);
  }
}

/** The id is a keyed hash of a constant: it tells keys apart and nothing about them. */
function keyOf(bytes: Buffer): Key {
  return { bytes, id: createHmac('sha256', bytes).update('kassaflow master key id').digest('hex').slice(0, 16) };
}

function decoded(text: string): Buffer {
  return Buffer.from(text, 'base64');
}

function readOrMakeFile(file: string): Buffer {
  try {
    makeFile(file);
    const { mode } = statSync(file);
    const exposed = process.platform !== 'win32' && (mode & 0o077) !== 0;
    const key = decoded(readFileSync(file, 'utf8').trim());
    if (!exposed && key.length === 32) return key;
    throw secretsErrors['key-file-unusable']({
      file,
      found: exposed ? `permissions ${(mode & 0o777).toString(8)}` : `${key.length} bytes`,
    });
  } catch (error) {
    if (isSystemError(error)) throw secretsErrors['key-file-unusable']({ file, found: messageOf(error) }, { cause: error });
    throw error;
  }
}

/** Makes the file unless it is there; two processes at once end up with one key, because only one can create it. */
function makeFile(file: string): void {
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  if (statSync(file, { throwIfNoEntry: false })) return;
  const handle = openSync(file, 'wx', 0o600);
  try {
    writeSync(handle, `${randomBytes(32).toString('base64')}\n`);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
