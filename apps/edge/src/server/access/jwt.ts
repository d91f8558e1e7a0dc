import {
  type CryptoKey,
  createLocalJWKSet,
  errors,
  type JSONWebKeySet,
  type JWTVerifyOptions,
  type JWTVerifyResult,
  jwtVerify,
} from 'jose';

export interface JwtOptions {
  /** Public keys; a token signed with a shared secret is never taken. */
  readonly keys: JSONWebKeySet;
  readonly audience: string;
  readonly issuer: string | undefined;
}

/** Whom a valid JWT was made for, and until when it is taken: as long as clocks may differ after its own end. */
export interface JwtClaims {
  readonly subject: string | undefined;
  readonly expiresAtS: number;
}

/** Clocks of the issuer and of this machine may differ by this much. */
const CLOCK_TOLERANCE_S = 30;
/** Each of these names one kind of public key, so that no token can choose how its key is used. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];

export type JwtVerifier = (token: string) => Promise<JwtClaims | undefined>;

/** Checks signature, audience, issuer and times; a token without an end is refused. */
export function jwtVerifier({ keys, audience, issuer }: JwtOptions): JwtVerifier {
  const findKey = createLocalJWKSet(keys);
  const options: JWTVerifyOptions = {
    algorithms: ALGORITHMS,
    audience,
    clockTolerance: CLOCK_TOLERANCE_S,
    requiredClaims: ['exp'],
    ...(issuer === undefined ? {} : { issuer }),
  };
  return async (token) => {
    try {
      return claimsOf(await jwtVerify(token, findKey, options));
    } catch (error) {
      if (error instanceof errors.JWKSMultipleMatchingKeys) return await firstThatFits(token, error, options);
      if (error instanceof errors.JOSEError || error instanceof TypeError) return undefined;
      throw error;
    }
  };
}

/** A token that names no key, while keys are being changed: any of those of its kind may have signed it. */
async function firstThatFits(
  token: string,
  keys: AsyncIterable<CryptoKey>,
  options: JWTVerifyOptions,
): Promise<JwtClaims | undefined> {
  for await (const key of keys) {
    const verified = await jwtVerify(token, key, options).catch(() => undefined);
    if (verified !== undefined) return claimsOf(verified);
  }
  return undefined;
}

function claimsOf({ payload }: JWTVerifyResult): JwtClaims {
  return { subject: payload.sub, expiresAtS: (payload.exp ?? 0) + CLOCK_TOLERANCE_S };
}
