import { isIPv4 } from 'node:net';

/**
 * Which web pages may talk to this edge. A browser sends the page's `Origin` with every WebSocket and every cross-origin
 * request; programs send none and are let in.
 */
export class OriginPolicy {
  readonly #allowed: ReadonlySet<string>;
  readonly #isLoopback: boolean;

  /** @param host the address that the edge listens on. */
  constructor(host: string, allowed: readonly string[]) {
    this.#allowed = new Set(allowed.map((origin) => origin.replace(/\/$/, '').toLowerCase()));
    this.#isLoopback = isLoopbackName(host);
  }

  /** Allowed by name, hence perhaps another site: its requests need CORS headers. */
  isListed(origin: string): boolean {
    return this.#allowed.has(origin.toLowerCase());
  }

  /** @param hostHeader the request's `Host`: under which name the page, or its user, knows this edge. */
  allows(origin: string | undefined, hostHeader: string | undefined): boolean {
    if (origin === undefined || this.isListed(origin)) return true;
    const url = URL.canParse(origin) ? new URL(origin) : undefined;
    if (url === undefined || url.host === '' || url.host !== hostHeader?.toLowerCase()) return false;
    // Somebody else's name can be made to point at this machine, and its page would pass for the edge's own.
    return !this.#isLoopback || isLoopbackName(url.hostname);
  }
}

/** A name or address by which only this machine reaches itself. */
export function isLoopbackName(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || (isIPv4(host) && host.startsWith('127.'));
}
