/**
 * Seals the secret settings of a connection. A port: the app module fills it with the platform's envelope encryption.
 * `place` says which field of which row it is, so that a blob moved to another row does not open.
 */
export abstract class SecretBox {
  abstract seal(tenantId: string, place: string, plaintext: string): Promise<Uint8Array>;
  abstract open(tenantId: string, place: string, sealed: Uint8Array): Promise<string>;
}
