/**
 * Flows as files: `flows/<name>.yaml` is the source of truth, and what changes on disk is published.
 *
 * A file is looked at when the folder says that something changed and, because file watching loses events, every two
 * seconds; unchanged files cost one `stat`. A file with mistakes stays unpublished and the revision before it stays in
 * force. Two files with the same flow: neither is published until it is clear which one is meant. Flows that others run come
 * first, and a file with mistakes is looked at again once another flow was published: it may have waited for that one.
 */
import { randomUUID } from 'node:crypto';
import { lstat, mkdir, readdir, readFile, realpath, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { isKassaflowError } from '../kernel/errors.ts';
import { WorkerLoop } from '../platform/worker-loop.ts';
import { Flows } from './flows.service.ts';
import { calledFirst } from './language/check/check-calls.ts';
import { LARGEST_FILE } from './language/yaml/parse-yaml.ts';

/** A file that was not published, and why. */
export interface RefusedFile {
  readonly file: string;
  readonly code: string;
  readonly message: string;
}

interface Seen {
  readonly stamp: string;
  readonly name: string | undefined;
  readonly source: string | undefined;
}

/** A file to be published. */
interface Pending {
  readonly file: string;
  readonly stamp: string;
  readonly source: string;
}

const FILE = /^[a-z][a-z0-9-]{1,62}\.yaml$/;
const LOOK_EVERY_MS = 2_000;
const MOST_FILES = 2_000;

@Injectable()
export class FlowsDirectory implements OnApplicationShutdown {
  readonly #logger = new Logger('FlowsDirectory');
  readonly #seen = new Map<string, Seen>();
  readonly #refused = new Map<string, RefusedFile>();
  readonly #published = new Map<string, string>();
  /** Publications so far, and how many there had been when a file with mistakes was looked at. */
  #publications = 0;
  readonly #checkedAt = new Map<string, number>();
  #followed: { readonly tenantId: string; readonly directory: string } | undefined;
  readonly #loop = new WorkerLoop(
    async () => {
      await this.look();
      return LOOK_EVERY_MS;
    },
    LOOK_EVERY_MS,
    (error) => this.#logger.error({ error }, 'The folder of flows cannot be read'),
  );
  #looking: Promise<void> = Promise.resolve();

  constructor(private readonly flows: Flows) {}

  /** Publishes every file of `directory` for `tenantId`, and follows changes until the process stops. */
  async follow(tenantId: string, directory: string): Promise<readonly RefusedFile[]> {
    await mkdir(directory, { recursive: true });
    this.#followed = { tenantId, directory: await realpath(directory) };
    await this.look();
    this.#loop.start(LOOK_EVERY_MS);
    return this.refused;
  }

  /** Tells whether the flows of this tenant are files. */
  isFollowing(tenantId: string): boolean {
    return this.#followed?.tenantId === tenantId;
  }

  /** Files that are not published now. */
  get refused(): readonly RefusedFile[] {
    return [...this.#refused.values()];
  }

  /** Looks at all files once. Calls stand in line. */
  look(): Promise<void> {
    this.#looking = this.#looking.then(() => this.#lookOnce());
    return this.#looking;
  }

  /** Writes a flow that was published through the API, so that the folder stays the truth. */
  async save(name: string, source: string): Promise<void> {
    if (!this.#followed) return;
    const target = path.join(this.#followed.directory, `${name}.yaml`);
    const draft = `${target}.${randomUUID()}.tmp`;
    try {
      await writeFile(draft, source, { flag: 'wx' });
      await rename(draft, target);
    } finally {
      await rm(draft, { force: true });
    }
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#loop.stop();
    this.#followed = undefined;
  }

  async #lookOnce(): Promise<void> {
    if (!this.#followed) return;
    const { tenantId, directory } = this.#followed;
    const names = (await readdir(directory))
      .filter((name) => /\.ya?ml$/i.test(name))
      .toSorted()
      .slice(0, MOST_FILES);
    for (const name of this.#seen.keys()) if (!names.includes(name)) this.#forget(name);
    for (const name of names) await this.#read(directory, name);
    const owners = new Map<string, string[]>();
    for (const [file, { name }] of this.#seen) if (name !== undefined) owners.set(name, [...(owners.get(name) ?? []), file]);
    const pending: Pending[] = [];
    for (const [file, { stamp, source, name }] of this.#seen) {
      if (source === undefined) continue;
      const files = owners.get(name ?? '') ?? [];
      if (files.length > 1) this.#refuseTwins(directory, file, name, files);
      else if (this.#published.get(file) !== stamp && this.#mayBeBetter(file)) pending.push({ file, stamp, source });
    }
    for (const one of calledFirst(pending)) await this.#publish(tenantId, directory, one);
  }

  /** Not refused, or for something that another file has changed since. */
  #mayBeBetter(file: string): boolean {
    const code = this.#refused.get(file)?.code;
    return (
      code === undefined || code === 'flow.duplicate-flow' || (code === 'flow.invalid' && this.#checkedAt.get(file) !== this.#publications)
    );
  }

  #forget(file: string): void {
    this.#seen.delete(file);
    this.#refused.delete(file);
    this.#published.delete(file);
    this.#checkedAt.delete(file);
  }

  async #read(directory: string, file: string): Promise<void> {
    const full = path.join(directory, file);
    const stat = await lstat(full).catch(() => undefined);
    if (!stat) return this.#forget(file);
    const stamp = `${stat.mtimeMs}/${stat.size}/${stat.ino}`;
    if (this.#seen.get(file)?.stamp === stamp && !stat.isSymbolicLink()) return;
    const problem = await this.#pathProblem(directory, file, full, stat);
    if (problem !== undefined) {
      this.#seen.set(file, { stamp, name: undefined, source: undefined });
      return this.#refuse(directory, file, 'flow.file-name', problem);
    }
    const source = stat.size > LARGEST_FILE + 4 ? ' '.repeat(LARGEST_FILE + 1) : await readFile(full, 'utf8');
    this.#seen.set(file, { stamp, source, name: /^flow:[ \t]*["']?([^\s"'#]+)/m.exec(source)?.[1] });
    this.#refused.delete(file);
  }

  async #pathProblem(directory: string, file: string, full: string, stat: Awaited<ReturnType<typeof lstat>>): Promise<string | undefined> {
    if (!FILE.test(file)) return 'A flow file is called <name>.yaml, in small letters, digits and dashes.';
    if (stat.isFile()) return undefined;
    if (!stat.isSymbolicLink()) return 'This is not a file.';
    const target = await realpath(full).catch(() => '');
    return target.startsWith(directory + path.sep) && (await lstat(target)).isFile()
      ? undefined
      : 'The link leads out of the folder of flows.';
  }

  async #publish(tenantId: string, directory: string, { file, stamp, source }: Pending): Promise<void> {
    this.#checkedAt.set(file, this.#publications);
    try {
      const { changed, revision } = await this.flows.publish(tenantId, { source, by: 'file', name: file.slice(0, -'.yaml'.length) });
      this.#published.set(file, stamp);
      this.#refused.delete(file);
      if (changed) this.#publications++;
      if (changed) this.#logger.log({ file, revision }, 'Published a flow from its file');
    } catch (error) {
      if (!isKassaflowError(error) || error.spec.status >= 500) throw error;
      const first = error.problems[0];
      this.#refuse(directory, file, error.code, first ? `${first.detail} ${first.help ?? ''}`.trim() : error.message);
    }
  }

  #refuseTwins(directory: string, file: string, name: string | undefined, files: readonly string[]): void {
    const paths = files.map((one) => path.join(directory, one)).join(' and ');
    this.#refuse(directory, file, 'flow.duplicate-flow', `Two files hold a flow called "${name}": ${paths}.`);
  }

  #refuse(directory: string, file: string, code: string, message: string): void {
    const known = this.#refused.get(file);
    if (known?.message !== message) this.#logger.warn({ file: path.join(directory, file), code, message }, 'A flow file was not published');
    this.#refused.set(file, { file: path.join(directory, file), code, message });
  }
}
