import { type JwtOptions, jwtVerifier } from './jwt.js';
import { StaticTokens } from './static-tokens.js';

export interface AccessOptions {
  /** With none of these and no {@link jwt}, everybody is let in. */
  readonly tokens: readonly string[];
  /** Of operators: good for all that clients may, and for loading and unloading models. */
  readonly adminTokens: readonly string[];
  readonly jwt?: JwtOptions;
}

/** Somebody who was let in. */
export interface Grant {
  /** The JWT's subject: limits hold for it instead of for its address. */
  readonly subject?: string;
  readonly isAdmin?: boolean;
  /** When it ends, in ms since 1970. */
  readonly expiresAtMs?: number;
}

/** Says who shows a token that is good here; `undefined` for everybody else. */
export type Authenticator = (token: string | undefined) => Promise<Grant | undefined>;

const EVERYBODY: Grant = {};
const ADMIN: Grant = { isAdmin: true };

export function authenticator({ tokens, adminTokens, jwt }: AccessOptions): Authenticator {
  const admins = new StaticTokens(adminTokens);
  const ofClient = clientAuthenticator(tokens, jwt);
  return async (token) => (token !== undefined && admins.has(token) ? ADMIN : await ofClient(token));
}

function clientAuthenticator(tokens: readonly string[], jwt: JwtOptions | undefined): Authenticator {
  if (tokens.length === 0 && jwt === undefined) return async () => EVERYBODY;
  const statics = new StaticTokens(tokens);
  const verify = jwt === undefined ? undefined : jwtVerifier(jwt);
  return async (token) => {
    if (token === undefined) return undefined;
    if (statics.has(token)) return EVERYBODY;
    const claims = await verify?.(token);
    if (claims === undefined) return undefined;
    const { subject, expiresAtS } = claims;
    return { expiresAtMs: expiresAtS * 1000, ...(subject === undefined ? {} : { subject }) };
  };
}
