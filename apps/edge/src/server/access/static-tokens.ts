import { createHash, timingSafeEqual } from 'node:crypto';

/** What a WebSocket subprotocol may be made of (RFC 6455), and long enough not to be guessed. */
const TOKEN = /^[\w!#$%&'*+.^`|~-]{16,4096}$/;
export const TOKEN_TEXT = "16 to 4096 letters, digits or any of !#$%&'*+-.^_`|~, without spaces or commas";

export function isTokenText(text: string): boolean {
  return TOKEN.test(text);
}

/** Tokens that stand in the configuration. Only their hashes are kept. */
export class StaticTokens {
  readonly #digests: readonly Buffer[];

  constructor(tokens: readonly string[]) {
    this.#digests = tokens.map(digestOf);
  }

  /** In constant time: hashes have one length, and all are compared whichever fits. */
  has(token: string): boolean {
    const digest = digestOf(token);
    return this.#digests.reduce((isFound, known) => timingSafeEqual(known, digest) || isFound, false);
  }
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
