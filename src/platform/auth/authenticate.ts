/** From an Authorization header to a {@link Caller}. */
import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '../../kernel/clock.ts';
import { idOf } from '../../kernel/ids.ts';
import { CLOCK } from '../clock.ts';
import { readApiKeyText, type ApiKeyText } from './api-key-text.ts';
import { authErrors } from './auth-errors.ts';
import type { Caller } from './caller.ts';
import { KnownKeys, type KnownKey } from './known-keys.ts';
import { sameHash } from './secret-text.ts';

@Injectable()
export class Authenticator {
  /** The caller of a row never changes, so it is made once per row. */
  readonly #callers = new WeakMap<KnownKey, Caller>();

  constructor(
    private readonly keys: KnownKeys,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * @param authorization the header's value
   * @throws auth.required, auth.format, auth.unknown-key, auth.revoked, auth.expired, auth.mode-mismatch
   */
  async authenticate(authorization: string | undefined): Promise<Caller> {
    const sent = readAuthorization(authorization);
    const key = await this.keys.find(sent.id);
    // The hash is compared before anything is said about the row: only who holds the secret learns that it was revoked.
    if (!key || !sameHash(key.hash, sent.hash)) throw authErrors['unknown-key']();
    if (key.mode !== sent.mode) throw authErrors['mode-mismatch']({ key: sent.mode });
    if (key.revokedAt) throw authErrors.revoked({ key: idOf('key', key.id) });
    if (key.expiresAt && key.expiresAt <= this.clock.now()) throw authErrors.expired({ key: idOf('key', key.id) });
    return this.#callerOf(key);
  }

  /** The id of the key in the header when it was let in within the last seconds; asks nobody, so it suits counting only. */
  knownKey(authorization: string | undefined): string | undefined {
    const sent = readBearer(authorization);
    return sent && this.keys.isGood(sent.id, sent.hash) ? sent.id : undefined;
  }

  #callerOf(key: KnownKey): Caller {
    let caller = this.#callers.get(key);
    if (!caller) {
      caller = { tenantId: key.tenantId, keyId: key.id, actor: `key/${idOf('key', key.id)}`, mode: key.mode, scopes: key.scopes };
      this.#callers.set(key, caller);
    }
    return caller;
  }
}

/** @throws auth.required, auth.format */
function readAuthorization(authorization: string | undefined): ApiKeyText {
  if (authorization === undefined || authorization === '') throw authErrors.required();
  const key = readBearer(authorization);
  if (!key) throw authErrors.format({ received: `${authorization.length} characters` });
  return key;
}

function readBearer(authorization = ''): ApiKeyText | undefined {
  const text = /^Bearer ([\x21-\x7e]+)$/i.exec(authorization)?.[1];
  return text === undefined ? undefined : readApiKeyText(text);
}
