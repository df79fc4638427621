import { type CertificateOptions, type Issued, pki } from '../pki.ts';
import { type CoseOptions, type JwsOptions, signCose, signJws } from '../sign.ts';
import { type TokenOptions, timestamping, timestampToken } from '../timestamp-token.ts';
import { leaf, root, type Setting } from './world.ts';

export const at = (text: string): Date => new Date(`${text}Z`);
/** When the tokens say that they were made. */
export const GEN_TIME = at('2025-03-01T12:00:00');

export const tsaRoot = pki.root({ subject: [['CN', 'TSA Root']] });
export const tsaAuthority = tsaRoot.intermediate({ subject: [['CN', 'TSA Authority']] });
export const tsa = tsaAuthority.leaf(timestamping());
/** Valid when the tokens were made, and no more. */
export const over: CertificateOptions = { notBefore: at('2025-01-01T00:00:00'), notAfter: at('2025-05-01T00:00:00') };
export const expired = root.leaf(over);

/** A statement that demands a timestamp by an authority under `tsaRoot`. */
export const TSA: Setting = {
  stores: ['ca:acme', 'tsa:clock'],
  anchors: { 'ca:acme': [root.cert], 'tsa:clock': [tsaRoot.cert] },
};

/** What makes a token over a signature, by `tsa` unless told otherwise. */
export const token =
  (options: Partial<TokenOptions> = {}) =>
  (signature: Uint8Array): Uint8Array =>
    timestampToken({ tsa, message: signature, genTime: GEN_TIME, ...options });

/** A JWS with such a token. */
export function stamped(options: Partial<TokenOptions> = {}, more: Partial<JwsOptions> = {}): Uint8Array {
  return signJws({ signer: leaf, timestampSignature: token(options), ...more });
}

export function stampedCose(options: Partial<TokenOptions> = {}, more: Partial<CoseOptions> = {}): Uint8Array {
  return signCose({ signer: leaf, timestampSignature: token(options), ...more });
}

/** A JWS stamped by an authority directly under a root, both bent, and the setting that trusts that root. */
export function stampedBy(leafOptions: CertificateOptions, rootOptions: CertificateOptions = {}, options: Partial<TokenOptions> = {}) {
  const top = pki.root({ subject: [['CN', 'Other TSA Root']], ...rootOptions });
  const authority: Issued = top.leaf(timestamping(leafOptions));
  const setting: Setting = { ...TSA, anchors: { 'ca:acme': [root.cert], 'tsa:clock': [top.cert] } };
  return { envelope: stamped({ tsa: authority, ...options }), setting };
}
