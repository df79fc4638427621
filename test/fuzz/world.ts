import { createECDH, createHash, createPrivateKey, type KeyObject } from 'node:crypto';
import { type CertificateOptions, type Issued, type KeyKind, pki } from '../pki.ts';

/** Throwaway authorities and signers that are the same in every run, so that a kept input means tomorrow what it means today. */
export interface World {
  readonly root: Issued;
  /** Below the root; its key makes the same signature for the same text. */
  readonly intermediate: Issued;
  /** A code-signing leaf with a key of this kind, below the intermediate. */
  leaf(kind: KeyKind, options?: CertificateOptions): Issued;
  /** An authority with a P-256 key, whose answers are about `subject`. */
  readonly issuer: Issued;
  /** Names a responder and a list. */
  readonly subject: Issued;
}

export const RESPONDER = 'http://127.0.0.1/ocsp';
export const LIST = 'http://127.0.0.1/list.crl';

export function createWorld(subjectExtensions: CertificateOptions['extensions'] = {}): World {
  const root = pki.root({ key: 'RSA-2048', serial: serialOf('root') });
  const intermediate = root.intermediate({
    key: 'Ed25519',
    privateKey: ed25519Key('intermediate'),
    serial: serialOf('intermediate'),
  });
  const issuer = root.intermediate({ key: 'EC-256', privateKey: ecKey('issuer', 'EC-256'), serial: serialOf('issuer') });
  return {
    root,
    intermediate,
    leaf: (kind, options = {}) => {
      const own = CURVES[kind] === undefined ? {} : { privateKey: ecKey(kind, kind) };
      return intermediate.leaf({ key: kind, serial: serialOf(kind), ...own, ...options });
    },
    issuer,
    subject: issuer.leaf({ privateKey: ecKey('subject', 'EC-256'), serial: serialOf('subject'), extensions: subjectExtensions }),
  };
}

const CURVES: Readonly<Partial<Record<KeyKind, readonly [ecdh: string, jwk: string, bytes: number]>>> = {
  'EC-256': ['prime256v1', 'P-256', 32],
  'EC-384': ['secp384r1', 'P-384', 48],
  'EC-521': ['secp521r1', 'P-521', 66],
};
/** PKCS #8 of an Ed25519 key up to its 32 octets, RFC 8410 section 7. */
const ED25519_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

/** A key that its name decides. */
export function ecKey(name: string, kind: KeyKind): KeyObject {
  const [ecdh, crv, bytes] = CURVES[kind] ?? ['prime256v1', 'P-256', 32];
  const pair = createECDH(ecdh);
  // Short enough to be below the order of any of the curves.
  pair.setPrivateKey(Buffer.concat([Buffer.alloc(bytes - 31), digest(name).subarray(1)]));
  const point = pair.getPublicKey();
  const [x, y] = [point.subarray(1, 1 + bytes), point.subarray(1 + bytes)].map((part) => part.toString('base64url')) as [string, string];
  const d = Buffer.concat([Buffer.alloc(bytes), pair.getPrivateKey()]).subarray(-bytes);
  return createPrivateKey({ format: 'jwk', key: { kty: 'EC', crv, x, y, d: d.toString('base64url') } });
}

function ed25519Key(name: string): KeyObject {
  return createPrivateKey({ format: 'der', type: 'pkcs8', key: Buffer.concat([ED25519_PREFIX, digest(name)]) });
}

function serialOf(name: string): Uint8Array {
  return Uint8Array.of(0x40, ...digest(`serial ${name}`).subarray(0, 15));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(`countersign fuzz ${text}`).digest();
}
