import { createHash } from 'node:crypto';
import type { Clock } from '../lib/clock.ts';
import { createRecent } from '../lib/recent.ts';
import { createSingleFlight } from '../lib/single-flight.ts';
import { type Challenge, parseChallenge } from './challenge.ts';
import { RegistryError } from './errors.ts';
import type { Repository } from './reference.ts';
import { isSameSite } from './site.ts';
import { basicAuthorization, type RegistryCredential, type Token, type TokenRequest, tokenRequest } from './token.ts';

/** Who asks, for what. */
export interface Access {
  readonly repository: Repository;
  readonly credential: RegistryCredential | undefined;
  readonly signal: AbortSignal;
}

export interface AuthorizerOptions {
  readonly plainHttp: boolean;
  readonly clock: Clock;
  readonly tokenServers: (registry: string) => readonly string[];
  /** Where the registry is: its name in references may be another (`docker.io`). */
  readonly originOf: (registry: string) => string;
  /** Asks a token server. */
  readonly fetchToken: (registry: string, request: TokenRequest, signal: AbortSignal) => Promise<Token>;
}

/** Finds the `Authorization` for requests to registries, remembering challenges and tokens. */
export interface Authorizer {
  /** What to send without being asked: by the challenge that this registry gave last. Undefined: nothing. */
  expected(access: Access): Promise<string | undefined>;
  /**
   * The answer to a 401.
   *
   * @param sent - What the registry would not take; a token that it came from is forgotten.
   * @throws {RegistryError} `REGISTRY_DENIED` if there is no answer that was not given already.
   */
  answer(access: Access, header: string | undefined, sent: string | undefined): Promise<string>;
}

interface KnownToken {
  readonly text: string;
  /** Milliseconds of the monotonic clock. */
  readonly expiresAt: number;
}

const MAX_REGISTRIES = 256;
const MAX_TOKENS = 1024;
const TOKEN_LIMIT_MS = 10_000;
/** A token is not used this close to its end: it may be late by the time it arrives. */
const SKEW_MS = 10_000;

export function createAuthorizer(options: AuthorizerOptions): Authorizer {
  const challenges = createRecent<Challenge>(MAX_REGISTRIES);
  const tokens = createRecent<KnownToken>(MAX_TOKENS);
  const flights = createSingleFlight<string>(TOKEN_LIMIT_MS);

  const bearer = async (access: Access, challenge: Challenge & { readonly scheme: 'bearer' }, refused?: string): Promise<string> => {
    const request = requestFor(access, challenge, options);
    const key = tokenKey(request);
    const known = tokens.get(key);
    if (known !== undefined && known.text !== refused && options.clock.monotonic() < known.expiresAt) return known.text;
    tokens.delete(key);
    return await flights.run(key, access.signal, async (signal) => {
      const asked = options.clock.monotonic();
      const { text, expiresInMs } = await options.fetchToken(access.repository.registry, request, signal);
      tokens.set(key, { text, expiresAt: asked + expiresInMs - SKEW_MS });
      return text;
    });
  };
  const authorization = async (access: Access, challenge: Challenge, sent?: string): Promise<string | undefined> => {
    if (challenge.scheme === 'bearer') return `Bearer ${await bearer(access, challenge, sent?.replace(/^Bearer /, ''))}`;
    return access.credential !== undefined && 'username' in access.credential ? basicAuthorization(access.credential) : undefined;
  };

  return {
    async expected(access) {
      const challenge = challenges.get(access.repository.registry);
      return challenge === undefined ? undefined : await authorization(access, challenge);
    },
    async answer(access, header, sent) {
      const { registry } = access.repository;
      const challenge = parseChallenge(header ?? '');
      if (challenge === undefined) throw denied(registry, 'its challenge is none that is understood here');
      challenges.set(registry, challenge);
      const found = await authorization(access, challenge, sent);
      if (found === undefined) throw denied(registry, 'no user name and password are declared for it');
      if (found === sent) throw denied(registry, 'it does not take the credential that is declared for it');
      return found;
    },
  };
}

function denied(registry: string, why: string): RegistryError {
  return new RegistryError('REGISTRY_DENIED', `${registry} answered 401: ${why}`, { registry, status: 401 });
}

function requestFor(access: Access, challenge: Challenge & { readonly scheme: 'bearer' }, options: AuthorizerOptions): TokenRequest {
  const { repository, credential } = access;
  const realm = tokenServer(challenge.realm, repository.registry, options.plainHttp);
  // Ours, never the challenge's: it might ask for more than reading this repository.
  const scope = `repository:${repository.path}:pull`;
  const { hostname } = new URL(options.originOf(repository.registry));
  const servers = options.tokenServers(repository.registry);
  const trusted = isSameSite(hostname, realm.hostname) || servers.includes(realm.host) || servers.includes(realm.hostname);
  return tokenRequest(realm, challenge.service, scope, trusted ? credential : undefined);
}

function tokenServer(realm: string, registry: string, plainHttp: boolean): URL {
  const url = URL.canParse(realm) ? new URL(realm) : undefined;
  const isSpoken = url?.protocol === 'https:' || (plainHttp && url?.protocol === 'http:');
  if (url === undefined || !isSpoken || url.username !== '' || url.password !== '' || url.hash !== '') {
    throw denied(registry, `its token server is no ${plainHttp ? 'http or https' : 'https'} URL without user information`);
  }
  return url;
}

/** All that a token depends on; what is secret in it is hashed. */
function tokenKey({ method, url, headers, body = '' }: TokenRequest): string {
  return createHash('sha256')
    .update(JSON.stringify([method, url.href, headers, body]))
    .digest('base64');
}
