import * as der from '../../der-writer.ts';
import { type CertificateOptions, extendedKeyUsage, type Issued, OID, pki, toPem } from '../../pki.ts';
import { type TokenOptions, timestamping, timestampToken } from '../../timestamp-token.ts';
import { type Draft, days, type Made } from '../draft.ts';
import type { Random } from '../random.ts';
import type { Mutate } from './table.ts';

export interface Stamp {
  readonly root: CertificateOptions;
  readonly intermediate: CertificateOptions | undefined;
  readonly leaf: CertificateOptions;
}

export interface Situation {
  readonly random: Random;
  readonly draft: Draft;
  readonly made: Made;
  readonly tsa: Issued;
  readonly signature: Uint8Array;
}

export type Change = (situation: Situation) => Partial<TokenOptions> | undefined;

function authorityOf({ keys, now }: Draft, { root, intermediate, leaf }: Stamp): Issued {
  const validity = validityOf(now);
  const top = pki.root({
    key: 'EC-256',
    privateKey: keys.get(root.key ?? 'EC-256', 'tsa root'),
    subject: [['CN', 'TSA Root']],
    ...validity,
    ...root,
  });
  const between =
    intermediate &&
    top.intermediate({
      privateKey: keys.get(intermediate.key ?? 'EC-256', 'tsa authority'),
      subject: [['CN', 'TSA Authority']],
      ...validity,
      ...intermediate,
    });
  return (between ?? top).leaf(timestamping({ privateKey: keys.get(leaf.key ?? 'EC-256', 'tsa'), ...validity, ...leaf }));
}

/** Of an authority's certificates, unless told otherwise. */
export function validityOf(now: Date): Pick<CertificateOptions, 'notBefore' | 'notAfter'> {
  return { notBefore: days(now, -500), notAfter: days(now, 500) };
}

const PLAIN: Stamp = { root: {}, intermediate: undefined, leaf: {} };

/** A demanded timestamp, given by an authority like this and changed like that; certificates that have expired since, half of the time. */
export function stamped(change: Change, stampOf: (random: Random, draft: Draft) => Partial<Stamp> = () => ({})): Mutate {
  return (draft, random) => {
    const stamp: Stamp = { ...PLAIN, ...(random.oneIn(2) && { intermediate: {} }), ...stampOf(random, draft) };
    let tsa: Issued | undefined;
    const authority = (): Issued => {
      tsa ??= authorityOf(draft, stamp);
      return tsa;
    };
    demand(draft, random);
    draft.stores.set('tsa:clock', () => [toPem(authority().chain.at(-1) ?? new Uint8Array())]);
    draft.timestamp = (signature, made) => {
      const situation: Situation = { random, draft, made, tsa: authority(), signature };
      const changed = change(situation);
      return changed === undefined
        ? undefined
        : timestampToken({ tsa: situation.tsa, message: signature, genTime: days(draft.now, -20), ...changed });
    };
  };
}

/** The statement demands a timestamp; the signer's certificates have expired since, half of the time. */
export function demand(draft: Draft, random: Random): void {
  draft.scheme = 'notary.x509';
  draft.statement.trustStores = ['ca:acme', 'tsa:clock'];
  if (random.oneIn(3)) draft.statement.signatureVerification.verifyTimestamp = random.pick(['always', 'afterCertExpiry']);
  if (random.oneIn(2)) expire(draft);
}

/** The signer's certificates were valid when it was signed, and are no more. */
function expire(draft: Draft): void {
  const over = { notBefore: days(draft.now, -400), notAfter: days(draft.now, -5) };
  draft.leaf = { ...draft.leaf, ...over };
}

/** An Accuracy with these parts. */
export function accuracy(seconds?: number, millis?: number, micros?: number): Uint8Array {
  return der.sequence(
    seconds === undefined ? [] : der.integer(seconds),
    millis === undefined ? [] : der.tlv(0x80, Uint8Array.of(millis >> 8, millis & 0xff).subarray(millis < 128 ? 1 : 0)),
    micros === undefined ? [] : der.tlv(0x81, Uint8Array.of(micros >> 8, micros & 0xff).subarray(micros < 128 ? 1 : 0)),
  );
}

export const leafWith = (options: CertificateOptions): Partial<Stamp> => ({ leaf: options });

/** What gives a certificate these purposes. */
export function purpose(oids: readonly string[], critical: boolean): CertificateOptions {
  return { extensions: { [OID.extendedKeyUsage]: { critical, value: extendedKeyUsage(...oids) } } };
}
