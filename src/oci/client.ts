import type { LookupFunction } from 'node:net';
import type { Reach } from '../lib/address.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import { createHttpClient, type HttpAnswer, type HttpClient, type HttpRequest } from '../lib/http.ts';
import { createLimit, type Limit } from '../lib/limit.ts';
import { createRecent } from '../lib/recent.ts';
import { retry } from '../lib/retry.ts';
import { packageVersion } from '../lib/version.ts';
import { type Access, type Authorizer, createAuthorizer } from './auth.ts';
import { RegistryError } from './errors.ts';
import { refusalOf, registryFailure, retryWait, tokenFailure, unexpectedStatus } from './failures.ts';
import { DEFAULT_LIMITS, type RegistryLimits } from './limits.ts';
import { type Hop, isRedirect, nextHop } from './redirect.ts';
import type { Repository } from './reference.ts';
import { type RegistryCredential, readToken, type Token, type TokenRequest } from './token.ts';

export interface RegistryClientOptions {
  /** Plain HTTP for every registry. Default false. */
  readonly plainHttp?: boolean;
  /** PEM of roots that are trusted beside the system's, for this registry host and, unless they have their own, where it leads to. */
  readonly ca?: (registry: string) => string | undefined;
  /** Hosts beside the registry's own site that may be handed its credentials. Default: none. */
  readonly tokenServers?: (registry: string) => readonly string[];
  /** Default: anonymous. Asked before each request. */
  readonly credentials?: (registry: string, signal: AbortSignal) => Promise<RegistryCredential | undefined>;
  readonly limits?: Partial<RegistryLimits>;
  /** Default: `countersign/` and the version. */
  readonly userAgent?: string;
  /** How names become addresses. Default: the system's. */
  readonly lookup?: LookupFunction;
  readonly clock?: Clock;
}

export interface RegistryRequest {
  readonly method: 'GET' | 'HEAD';
  readonly repository: Repository;
  /** On the registry's own origin; `urlOf` makes it. */
  readonly url: URL;
  readonly accept?: string;
  readonly signal: AbortSignal;
}

const MAX_REGISTRIES = 256;

/**
 * Requests to registries: pools, authorization, redirects, one retry, limits. One for each Store object; `close` ends its connections.
 *
 * Credentials go to the registry and to a token server of its site only. A redirect or a token server leads to no address more private than
 * the registry's own, and to no plain HTTP from HTTPS.
 */
export class RegistryClient {
  readonly limits: RegistryLimits;
  readonly clock: Clock;
  readonly #options: RegistryClientOptions;
  readonly #http: HttpClient;
  readonly #authorizer: Authorizer;
  readonly #total: Limit;
  readonly #perRegistry = new Map<string, { readonly limit: Limit; users: number }>();
  /** How private the address is that a registry was last found at. */
  readonly #reaches = createRecent<{ readonly reach: Reach }>(MAX_REGISTRIES);
  readonly #userAgent: string;

  constructor(options: RegistryClientOptions = {}) {
    this.limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.clock = options.clock ?? systemClock;
    this.#options = options;
    this.#userAgent = options.userAgent ?? `countersign/${packageVersion()}`;
    this.#total = createLimit(this.limits.totalConcurrency);
    this.#http = createHttpClient({
      ...this.limits,
      connections: this.limits.registryConcurrency,
      ...(options.lookup === undefined ? {} : { lookup: options.lookup }),
    });
    this.#authorizer = createAuthorizer({
      plainHttp: options.plainHttp ?? false,
      clock: this.clock,
      tokenServers: options.tokenServers ?? (() => []),
      originOf: (registry) => this.#originOf(registry),
      fetchToken: (registry, request, signal) => this.#fetchToken(registry, request, signal),
    });
  }

  /** The URL of `path`, such as `manifests/latest`, in a repository. */
  urlOf(repository: Repository, path: string): URL {
    return new URL(`${this.#originOf(repository.registry)}/v2/${repository.path}/${path}`);
  }

  /**
   * What `use` makes of the answer to a request, which is any but a redirect, 401, 403, 408, 429 and 5xx. `use` may run a second time, after a
   * failure that is worth a retry.
   *
   * @throws {RegistryError} `REGISTRY_DENIED`, `REGISTRY_THROTTLED`, `REGISTRY_UNREACHABLE`.
   * @throws {ContentError} For a body that is cut short, encoded or too long.
   */
  async request<T>(request: RegistryRequest, use: (answer: HttpAnswer) => Promise<T>): Promise<T> {
    return await this.#persist(request.repository.registry, request.signal, (signal) => this.#authorized({ ...request, signal }, use));
  }

  async close(): Promise<void> {
    await this.#http.close();
  }

  #originOf(registry: string): string {
    const host = registry === 'docker.io' ? 'registry-1.docker.io' : registry;
    return new URL(`${this.#options.plainHttp === true ? 'http' : 'https'}://${host}`).origin;
  }

  /** One retry, and a limit of our own on the whole, whatever the caller's is. */
  async #persist<T>(registry: string, signal: AbortSignal, attempt: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), this.limits.requestMs);
    const limited = AbortSignal.any([signal, late.signal]);
    const translated = () =>
      attempt(limited).catch((error: unknown) => {
        throw registryFailure(error, registry);
      });
    try {
      return await retry(translated, { signal: limited, waitMs: (error) => retryWait(error, this.limits) });
    } catch (error) {
      signal.throwIfAborted();
      if (!limited.aborted) throw error;
      throw new RegistryError(
        'REGISTRY_UNREACHABLE',
        `${registry} did not answer within ${this.limits.requestMs} ms`,
        { registry },
        { cause: error },
      );
    } finally {
      clearTimeout(timer);
    }
  }

  async #authorized<T>(request: RegistryRequest, use: (answer: HttpAnswer) => Promise<T>): Promise<T> {
    const { repository, signal } = request;
    const credential = await this.#options.credentials?.(repository.registry, signal);
    const access: Access = { repository, credential, signal };
    const expected = await this.#authorizer.expected(access);
    const first = await this.#follow(request, expected, use);
    if ('value' in first) return first.value;
    const authorization = await this.#authorizer.answer(access, first.challenge, expected);
    const second = await this.#follow(request, authorization, use);
    if ('value' in second) return second.value;
    throw new RegistryError('REGISTRY_DENIED', `${repository.registry} answered 401 to the credential that is declared, or to none`, {
      registry: repository.registry,
      status: 401,
    });
  }

  /** Goes where redirects lead, with headers made anew for each hop: `authorization` is for the registry, until it is left. */
  async #follow<T>(
    { method, repository: { registry }, url, accept, signal }: RegistryRequest,
    authorization: string | undefined,
    use: (answer: HttpAnswer) => Promise<T>,
  ): Promise<{ readonly value: T } | { readonly challenge: string | undefined }> {
    if (url.origin !== this.#originOf(registry)) throw new TypeError('a request to a registry goes to its own origin');
    let hop: Hop = { url, isHome: true };
    for (let redirects = 0; redirects <= this.limits.redirects; redirects++) {
      const { isHome } = hop;
      const headers = { ...(accept === undefined ? {} : { accept }), ...(isHome && authorization !== undefined ? { authorization } : {}) };
      const step = await this.#exchange(registry, isHome, { method, url: hop.url, headers, signal }, async (answer) => {
        if (isRedirect(answer.status)) return { location: answer.header('location') };
        if (answer.status === 401 && isHome) return { challenge: answer.header('www-authenticate') };
        const refusal = refusalOf(answer, registry, this.clock.now());
        if (refusal !== undefined) throw refusal;
        return { value: await use(answer) };
      });
      if (!('location' in step)) return step;
      hop = nextHop(hop, step.location, registry);
    }
    throw new RegistryError('REGISTRY_UNREACHABLE', `${registry} redirects more than ${this.limits.redirects} times`, { registry });
  }

  /** Once: the retry is that of the request which needs the token. */
  async #fetchToken(registry: string, request: TokenRequest, signal: AbortSignal): Promise<Token> {
    return await this.#exchange(registry, false, { ...request, signal }, async (answer) => {
      const refusal = refusalOf(answer, registry, this.clock.now(), `the token server of ${registry}`);
      if (refusal !== undefined) throw refusal;
      if (answer.status !== 200) throw unexpectedStatus(answer.status, registry, 'a token');
      return await readToken(answer, this.limits.tokenBytes).catch((error: unknown) => {
        throw tokenFailure(error, registry);
      });
    });
  }

  /** One request on behalf of `registry`, in its turn; elsewhere than at home it reaches nothing more private than the registry is. */
  async #exchange<T>(registry: string, isHome: boolean, request: HttpRequest, use: (answer: HttpAnswer) => Promise<T>): Promise<T> {
    const known = this.#reaches.get(registry)?.reach ?? 'public';
    const reach = isHome ? 'loopback' : known === 'never' ? 'public' : known;
    const ca = this.#options.ca?.(isHome ? registry : request.url.host) ?? this.#options.ca?.(registry);
    const headers = { 'user-agent': this.#userAgent, ...request.headers };
    return await this.#inTurn(registry, request.signal, () =>
      this.#http.exchange({ ...request, headers, ca, reach }, async (answer) => {
        if (isHome) this.#reaches.set(registry, { reach: answer.reach });
        return await use(answer);
      }),
    );
  }

  async #inTurn<T>(registry: string, signal: AbortSignal, task: () => Promise<T>): Promise<T> {
    const turn = this.#perRegistry.get(registry) ?? { limit: createLimit(this.limits.registryConcurrency), users: 0 };
    this.#perRegistry.set(registry, turn);
    turn.users++;
    try {
      // First the registry's turn: a registry that is slow keeps no place from the others while its own requests wait.
      return await turn.limit.run(() => this.#total.run(task, signal), signal);
    } finally {
      turn.users--;
      if (turn.users === 0) this.#perRegistry.delete(registry);
    }
  }
}
