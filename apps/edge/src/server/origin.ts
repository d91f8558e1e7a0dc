import { isIP, isIPv4 } from 'node:net';
import { hostname } from 'node:os';

interface OriginOptions {
  /** The address that the edge listens on. */
  readonly host: string;
  /** Origins of other sites whose pages may use it. */
  readonly origins: readonly string[];
  /** Whether it asks for a token. */
  readonly hasTokens: boolean;
}

/**
 * Which web pages may talk to this edge. A browser sends the page's `Origin` with every WebSocket and every cross-origin
 * request; programs send none and are let in. For a page whose own name was made to point here, a request is of the same origin,
 * and a GET of it names none: what gives it away is the `Host`.
 */
export class OriginPolicy {
  readonly #allowed: ReadonlySet<string>;
  readonly #names: ReadonlySet<string>;
  readonly #isLoopback: boolean;
  readonly #hasTokens: boolean;

  constructor({ host, origins, hasTokens }: OriginOptions) {
    this.#allowed = new Set(origins.map((origin) => origin.replace(/\/$/, '').toLowerCase()));
    const machine = hostname().toLowerCase();
    const listed = origins.flatMap((origin) => (URL.canParse(origin) ? new URL(origin).hostname : []));
    this.#names = new Set([host.toLowerCase(), machine, `${machine}.local`, ...listed]);
    this.#isLoopback = isLoopbackName(host);
    this.#hasTokens = hasTokens;
  }

  /** Allowed by name, hence perhaps another site: its requests need CORS headers. */
  isListed(origin: string): boolean {
    return this.#allowed.has(origin.toLowerCase());
  }

  /**
   * Whether this edge is known by the name in a request's `Host`. Beyond loopback and with tokens any will do: it has names that
   * it cannot know, and a page that reached it by another one would have no token to show.
   */
  knows(hostHeader: string | undefined): boolean {
    // No browser leaves it out.
    if (hostHeader === undefined || (this.#hasTokens && !this.#isLoopback)) return true;
    const url = `http://${hostHeader}`;
    const name = URL.canParse(url) ? new URL(url).hostname : '';
    // The page of an address is what that address gave: nobody can make one point elsewhere.
    return isLoopbackName(name) || isIP(name.replace(/^\[|\]$/g, '')) > 0 || this.#names.has(name);
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
