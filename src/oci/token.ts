import type { HttpAnswer } from '../lib/http.ts';
import { JsonNumber } from '../lib/json.ts';
import { DocumentError, parseObject } from './descriptor-json.ts';

/** A user name and password, or an identity (refresh) token, for one registry. */
export type RegistryCredential = { readonly username: string; readonly password: string } | { readonly identityToken: string };

export interface Token {
  readonly text: string;
  readonly expiresInMs: number;
}

/** One request to a token server (distribution's token authentication, and its OAuth2 form). */
export interface TokenRequest {
  readonly method: 'GET' | 'POST';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

const DEFAULT_EXPIRY_S = 60;
const MAX_EXPIRY_S = 24 * 60 * 60;
const MAX_TOKEN_LENGTH = 12 * 1024;
const VISIBLE = /^[\x21-\x7e]+$/;

/** What to ask `realm` for `scope` with, `credential` or (undefined) nobody's. */
export function tokenRequest(realm: URL, service: string, scope: string, credential: RegistryCredential | undefined): TokenRequest {
  if (credential !== undefined && 'identityToken' in credential) {
    const form = new URLSearchParams({
      grant_type: 'refresh_token',
      service,
      client_id: 'countersign',
      scope,
      refresh_token: credential.identityToken,
    });
    return { method: 'POST', url: realm, headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: form.toString() };
  }
  const url = new URL(realm);
  if (service !== '') url.searchParams.set('service', service);
  url.searchParams.set('scope', scope);
  return { method: 'GET', url, headers: credential === undefined ? {} : { authorization: basicAuthorization(credential) } };
}

export function basicAuthorization({ username, password }: { readonly username: string; readonly password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

/**
 * Reads a token out of a 200 answer.
 *
 * @throws {DocumentError} If there is none that could stand in a header.
 */
export async function readToken(answer: HttpAnswer, maxBytes: number): Promise<Token> {
  const members = parseObject(await answer.read(maxBytes));
  const text = members.get('token') ?? members.get('access_token');
  if (typeof text !== 'string' || text.length > MAX_TOKEN_LENGTH || !VISIBLE.test(text)) throw new DocumentError('it has no token');
  const expiry = members.get('expires_in');
  const seconds = expiry instanceof JsonNumber ? Number(expiry.text) : DEFAULT_EXPIRY_S;
  return { text, expiresInMs: 1000 * Math.min(Math.max(seconds, 0), MAX_EXPIRY_S) };
}
