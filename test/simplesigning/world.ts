import { type Digest, digestOf } from '../../src/oci/digest.ts';
import { parseReference, type Reference } from '../../src/oci/reference.ts';
import type { Expected, IdentityRule } from '../../src/simplesigning/payload.ts';

export const DIGEST: Digest = digestOf(Buffer.from('the image'));
export const OTHER_DIGEST: Digest = digestOf(Buffer.from('another image'));
export const REPOSITORY = 'registry.example.test/team/app';

interface PayloadOptions {
  readonly reference?: unknown;
  readonly digest?: unknown;
  readonly type?: unknown;
  readonly optional?: unknown;
}

/** A simple-signing payload of the image, but for what is given. */
export function payloadText({
  reference = REPOSITORY,
  digest = DIGEST,
  type = 'atomic container signature',
  optional,
}: PayloadOptions = {}): string {
  return JSON.stringify({
    critical: { identity: { 'docker-reference': reference }, image: { 'docker-manifest-digest': digest }, type },
    optional,
  });
}

export function payloadBytes(options: PayloadOptions = {}): Uint8Array {
  return new Uint8Array(Buffer.from(payloadText(options)));
}

export function expected(
  asked: string | Reference = `${REPOSITORY}@${DIGEST}`,
  identity: IdentityRule = { compare: 'repository' },
): Expected {
  return { reference: typeof asked === 'string' ? parseReference(asked) : asked, digest: DIGEST, identity };
}

/** `ok`, or the code of the failure. */
export function outcomeOf(result: { readonly ok: true } | { readonly ok: false; readonly reason: { readonly code: string } }): string {
  return result.ok ? 'ok' : result.reason.code;
}

export const SIGNAL: AbortSignal = new AbortController().signal;
