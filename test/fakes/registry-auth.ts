import type { IncomingMessage } from 'node:http';
import { type Answer, errorAnswer, json } from './registry-answers.ts';

/** Who is let in. */
export type FakeAuth =
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  | {
      readonly kind: 'bearer';
      /** Needed for a token; absent: anybody gets one. */
      readonly username?: string;
      readonly password?: string;
      /** A refresh token that is taken in exchange, by POST. */
      readonly identityToken?: string;
      /** Default: `/token` of this very server. */
      readonly realm?: string;
      /** Seconds; left out of the answer if absent. */
      readonly expiresIn?: number;
      /** Member of the answer that holds the token. Default `token`. */
      readonly member?: 'token' | 'access_token';
      /** What the challenge asks for. Default: `repository:PATH:pull`. */
      readonly scope?: string;
    };

export interface Gate {
  /** The answer to a token request, or the challenge to one that may not pass; undefined lets it pass. */
  answer(request: IncomingMessage, body: string): Answer | undefined;
  revokeTokens(): void;
}

/** The door of the registry, with its token server at `/token`. */
export function createGate(auth: FakeAuth | undefined, origin: () => string): Gate {
  const tokens = new Map<string, string>();
  let given = 0;

  const grant = (scope: string): string => {
    const token = `token-${++given}`;
    tokens.set(token, scope);
    return token;
  };
  return {
    revokeTokens: () => tokens.clear(),
    answer: (request, body) => {
      if (auth === undefined) return undefined;
      const url = new URL(request.url ?? '', origin());
      if (auth.kind === 'basic') return request.headers.authorization === basic(auth) ? undefined : challenge('Basic realm="fake"');
      if (url.pathname === '/token') return tokenAnswer(auth, request, url, body, grant);
      const scope = scopeOf(url);
      const token = request.headers.authorization?.replace('Bearer ', '') ?? '';
      if (tokens.get(token) === scope) return undefined;
      const realm = auth.realm ?? `${origin()}/token`;
      return challenge(`Bearer realm="${realm}",service="fake",scope="${auth.scope ?? scope}"`);
    },
  };
}

function tokenAnswer(
  auth: FakeAuth & { readonly kind: 'bearer' },
  request: IncomingMessage,
  url: URL,
  body: string,
  grant: (scope: string) => string,
): Answer {
  const form = new URLSearchParams(body);
  const exchanged = request.method === 'POST';
  const allowed = exchanged
    ? auth.identityToken !== undefined && form.get('refresh_token') === auth.identityToken && form.get('grant_type') === 'refresh_token'
    : auth.username === undefined || request.headers.authorization === basic(auth);
  if (!allowed) return errorAnswer('token', 401, 'UNAUTHORIZED');
  const scope = (exchanged ? form.get('scope') : url.searchParams.get('scope')) ?? '';
  const expiry = auth.expiresIn === undefined ? {} : { expires_in: auth.expiresIn };
  return json('token', 200, { [auth.member ?? 'token']: grant(scope), ...expiry });
}

function basic({ username = '', password = '' }: { readonly username?: string; readonly password?: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

function challenge(header: string): Answer {
  return errorAnswer('other', 401, 'UNAUTHORIZED', { 'www-authenticate': header });
}

function scopeOf(url: URL): string {
  const [, path = ''] = /^\/v2\/(.+)\/(?:manifests|blobs|referrers)\//.exec(url.pathname) ?? [];
  return `repository:${path}:pull`;
}
