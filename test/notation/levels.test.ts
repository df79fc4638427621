import { describe, expect, it } from '@jest/globals';
import type { VerificationOutcome } from '../../src/notation/types.ts';
import * as der from '../der-writer.ts';
import { type CertificateOptions, OID, pki } from '../pki.ts';
import { type JwsOptions, SIGNING_AUTHORITY, signJws } from '../sign.ts';
import { judge, leaf, NOW, root, type Setting, stranger, verdict, verify } from './world.ts';

const PLUGIN = 'io.cncf.notary.verificationPlugin';
const SCHEME = 'io.cncf.notary.signingScheme';
const at = (text: string) => new Date(`${text}Z`);
const jws = (options: Partial<JwsOptions> = {}) => signJws({ signer: leaf, ...options });
const broken = () => jws({ bendSignature: (bytes) => bytes.map((byte) => byte ^ 1) });
const expired = () => jws({ expiry: at('2025-05-01T00:00:00') });
const uri = (text: string) => der.tlv(0x86, Buffer.from(text));
const ocsp = (url: string): CertificateOptions => ({
  extensions: { [OID.authorityInfoAccess]: { value: der.sequence(der.sequence(der.oid('1.3.6.1.5.5.7.48.1'), uri(url))) } },
});
const crl = (url: string): CertificateOptions => ({
  extensions: { [OID.crlDistributionPoints]: { value: der.sequence(der.sequence(der.context(0, der.context(0, uri(url))))) } },
});
const chainWith = (leafOptions: CertificateOptions, intermediateOptions: CertificateOptions = {}) =>
  root.intermediate(intermediateOptions).leaf(leafOptions);
const signedBy = (options: CertificateOptions) => jws({ signer: root.leaf(options) });
/** One line a step. */
const trace = ({ validations }: VerificationOutcome) =>
  validations.map(({ type, action, error }) => `${type} ${action} ${error?.code ?? '-'}`);

describe('a level', () => {
  it.each<[string, () => Uint8Array, Setting, string]>([
    ['297 A-S-28 strict: an expired signature', expired, {}, 'expiry SIGNATURE_EXPIRED'],
    ['297 permissive: an expired signature', expired, { level: 'permissive' }, 'PASS'],
    ['297 audit: an expired signature', expired, { level: 'audit' }, 'PASS'],
    ['297 skip: an expired signature', expired, { level: 'skip' }, 'PASS'],
    ['298 audit with expiry enforced', expired, { level: 'audit', override: { expiry: 'enforce' } }, 'expiry SIGNATURE_EXPIRED'],
    ['298 strict with expiry logged', expired, { override: { expiry: 'log' } }, 'PASS'],
    ['300 strict: no expiry', () => jws(), {}, 'PASS'],
    ['301 strict: a corrupt signature', broken, {}, 'integrity SIGNATURE_INVALID'],
    ['301 permissive: a corrupt signature', broken, { level: 'permissive' }, 'integrity SIGNATURE_INVALID'],
    ['301 audit: a corrupt signature', broken, { level: 'audit' }, 'integrity SIGNATURE_INVALID'],
    ['301 skip: a corrupt signature', broken, { level: 'skip' }, 'PASS'],
    ['302 strict: a stranger', () => jws({ signer: stranger }), {}, 'authenticity SIGNER_UNTRUSTED'],
    ['302 permissive: a stranger', () => jws({ signer: stranger }), { level: 'permissive' }, 'authenticity SIGNER_UNTRUSTED'],
    ['302 audit: a stranger', () => jws({ signer: stranger }), { level: 'audit' }, 'PASS'],
    ['302 strict with authenticity logged: a stranger', () => jws({ signer: stranger }), { override: { authenticity: 'log' } }, 'PASS'],
    ['D28 strict: now at the expiry', () => jws({ expiry: NOW }), {}, 'expiry SIGNATURE_EXPIRED'],
    ['D28 strict: now a millisecond before the expiry', () => jws({ expiry: NOW }), { now: new Date(NOW.getTime() - 1) }, 'PASS'],
  ])('decides %s', async (_case, envelope, setting, expected) => {
    expect(await judge(envelope(), setting)).toBe(expected);
  });

  it('305 strict reports the first failure in the order of the steps', async () => {
    const signer = pki.root().leaf({ ...ocsp('http://o.test'), notAfter: at('2025-02-01T00:00:00') });
    const both = { signer, expiry: at('2025-05-01T00:00:00') };
    expect(await judge(jws(both))).toBe('authenticity SIGNER_UNTRUSTED');
    expect(await judge(jws(both), { override: { authenticity: 'log' } })).toBe('expiry SIGNATURE_EXPIRED');
    expect(await judge(jws(both), { override: { authenticity: 'log', expiry: 'log' } })).toBe('authenticTimestamp CERTIFICATE_EXPIRED');
    const outcome = await verify(jws(both), { override: { authenticity: 'log', expiry: 'log', authenticTimestamp: 'log' } });
    expect(verdict(outcome)).toBe('revocation REVOCATION_UNKNOWN');
  });

  it('306 audit lists all five steps with their errors', async () => {
    const signer = pki.root().leaf({ ...ocsp('http://o.test'), notAfter: at('2025-02-01T00:00:00') });
    expect(trace(await verify(jws({ signer, expiry: at('2025-05-01T00:00:00') }), { level: 'audit' }))).toEqual([
      'integrity enforce -',
      'authenticity log SIGNER_UNTRUSTED',
      'expiry log SIGNATURE_EXPIRED',
      'authenticTimestamp log CERTIFICATE_EXPIRED',
      'revocation log REVOCATION_UNKNOWN',
    ]);
  });

  it('leaves out the steps that were not reached', async () => {
    expect(trace(await verify(jws({ signer: stranger })))).toEqual(['integrity enforce -', 'authenticity enforce SIGNER_UNTRUSTED']);
    expect(trace(await verify(broken()))).toEqual(['integrity enforce SIGNATURE_INVALID']);
  });

  it('lists a skipped step without looking', async () => {
    const outcome = await verify(jws({ signer: root.leaf(ocsp('http://o.test')) }), { override: { revocation: 'skip' } });
    expect(verdict(outcome)).toBe('PASS');
    expect(trace(outcome).at(-1)).toBe('revocation skip -');
  });

  it('301 skip lists five skipped steps and reads nothing', async () => {
    const facts = { remember: () => Promise.reject(new Error('nothing is to be read')) };
    const outcome = await verify(Buffer.from('x'), { level: 'skip', mediaType: 'x', facts });
    expect(trace(outcome)).toEqual(
      ['integrity', 'authenticity', 'expiry', 'authenticTimestamp', 'revocation'].map((type) => `${type} skip -`),
    );
    expect(outcome.error).toBeUndefined();
  });

  it('is told with its name and its statement', async () => {
    expect(await verify(jws(), { override: { expiry: 'log' } })).toMatchObject({ policy: 'test', level: { name: 'custom' } });
  });
});

describe('validity of certificates', () => {
  const [from, to] = [at('2025-01-01T00:00:00'), at('2025-06-01T00:00:00')];
  const windowed = { notBefore: from, notAfter: to };
  const old: CertificateOptions = { notBefore: at('2024-01-01T00:00:00'), notAfter: at('2025-05-01T00:00:00') };
  const oldRoot = pki.root(old);

  it.each<[string, () => Uint8Array, Setting, string]>([
    ['229 A-S-27 the leaf expired yesterday', () => signedBy(old), {}, 'authenticTimestamp CERTIFICATE_EXPIRED'],
    ['230 the intermediate has expired', () => jws({ signer: chainWith({}, old) }), {}, 'authenticTimestamp CERTIFICATE_EXPIRED'],
    [
      '230 the root has expired',
      () => jws({ signer: oldRoot.leaf() }),
      { anchors: { 'ca:acme': [oldRoot.cert] }, stores: ['ca:acme'] },
      'authenticTimestamp CERTIFICATE_EXPIRED',
    ],
    [
      'A-S-27 the leaf is not valid yet',
      () => signedBy({ notBefore: at('2025-07-01T00:00:00') }),
      {},
      'authenticTimestamp CERTIFICATE_NOT_YET_VALID',
    ],
    ['232 A-S-27 now is notBefore', () => signedBy(windowed), { now: from }, 'PASS'],
    ['232 A-S-27 now is notAfter', () => signedBy(windowed), { now: to }, 'PASS'],
    [
      '232 now is a millisecond before notBefore',
      () => signedBy(windowed),
      { now: new Date(from.getTime() - 1) },
      'authenticTimestamp CERTIFICATE_NOT_YET_VALID',
    ],
    [
      '232 now is a millisecond after notAfter',
      () => signedBy(windowed),
      { now: new Date(to.getTime() + 1) },
      'authenticTimestamp CERTIFICATE_EXPIRED',
    ],
    ['A-S-27 now is no time', () => signedBy(windowed), { now: new Date(Number.NaN) }, 'authenticTimestamp CERTIFICATE_NOT_YET_VALID'],
    [
      '310 A-S-29 the claimed time is inside validity, now is not',
      () => jws({ signer: root.leaf(old), time: at('2025-01-01T00:00:00') }),
      {},
      'authenticTimestamp CERTIFICATE_EXPIRED',
    ],
    ['229 at level permissive', () => signedBy(old), { level: 'permissive' }, 'PASS'],
  ])('decides where %s', async (_case, envelope, setting, expected) => {
    expect(await judge(envelope(), setting)).toBe(expected);
  });

  const authority = (time: string, options: CertificateOptions = windowed) =>
    jws({ signer: root.leaf(options), scheme: SIGNING_AUTHORITY, time: new Date(time) });
  it.each<[string, () => Uint8Array, string]>([
    ['before and now after the end', () => authority('2025-03-01T00:00:00Z', old), 'PASS'],
    ['at notBefore', () => authority('2025-01-01T00:00:00Z'), 'PASS'],
    ['at notAfter', () => authority('2025-06-01T00:00:00Z'), 'PASS'],
    ['before notBefore of the leaf', () => authority('2024-12-31T23:59:59Z'), 'authenticTimestamp CERTIFICATE_NOT_YET_VALID'],
    [
      '308 before notBefore of the root',
      () => authority('2023-12-31T23:59:59Z', { notBefore: at('2023-01-01T00:00:00') }),
      'authenticTimestamp CERTIFICATE_NOT_YET_VALID',
    ],
    ['after notAfter', () => authority('2025-06-01T00:00:01Z'), 'authenticTimestamp CERTIFICATE_EXPIRED'],
    [
      'a nanosecond after notAfter',
      () =>
        jws({
          signer: root.leaf(windowed),
          scheme: SIGNING_AUTHORITY,
          protectedHeader: { 'io.cncf.notary.authenticSigningTime': '2025-06-01T00:00:00.000000001Z' },
        }),
      'authenticTimestamp CERTIFICATE_EXPIRED',
    ],
    ['in the future', () => authority('2026-01-01T00:00:00Z', {}), 'PASS'],
  ])('signed by an authority %s', async (_case, envelope, expected) => {
    expect(await judge(envelope())).toBe(expected);
  });
});

describe('revocation', () => {
  it.each<[string, () => Uint8Array, Setting, string]>([
    ['398 A-S-36 neither OCSP nor CRL', () => jws(), {}, 'PASS'],
    ['an OCSP server of the leaf', () => signedBy(ocsp('http://o.test/')), {}, 'revocation REVOCATION_UNKNOWN'],
    ['a CRL of the leaf', () => signedBy(crl('http://c.test/l.crl')), {}, 'revocation REVOCATION_UNKNOWN'],
    ['a CRL of the intermediate', () => jws({ signer: chainWith({}, crl('http://c.test/i.crl')) }), {}, 'revocation REVOCATION_UNKNOWN'],
    ['304 permissive', () => signedBy(ocsp('http://o.test/')), { level: 'permissive' }, 'PASS'],
    ['304 strict with revocation skipped', () => signedBy(ocsp('http://o.test/')), { override: { revocation: 'skip' } }, 'PASS'],
    ['strict with revocation logged', () => signedBy(ocsp('http://o.test/')), { override: { revocation: 'log' } }, 'PASS'],
  ])('with %s is decided', async (_case, envelope, setting, expected) => {
    expect(await judge(envelope(), setting)).toBe(expected);
  });

  it('377 is not asked about a self-signed leaf, nor about the root of a chain', async () => {
    const alone = pki.selfSigned(ocsp('http://o.test/'));
    const top = pki.root(crl('http://c.test/r.crl'));
    expect(await judge(jws({ signer: alone }), { anchors: { 'ca:acme': [alone.cert] }, stores: ['ca:acme'] })).toBe('PASS');
    expect(await judge(jws({ signer: top.leaf() }), { anchors: { 'ca:acme': [top.cert] }, stores: ['ca:acme'] })).toBe('PASS');
  });

  it('that cannot be checked is no refusal', async () => {
    const { error } = await verify(signedBy(ocsp('http://o.test/')));
    expect(error?.outcome).toBe('unavailable');
    expect(error?.message).toMatch(/revocation status is unknown: nobody was asked$/);
  });
});

describe('a verification plugin', () => {
  const naming = (value: unknown, critical: boolean, more: Readonly<Record<string, unknown>> = {}) =>
    jws({ protectedHeader: { [PLUGIN]: value, ...more }, crit: [SCHEME, ...(critical ? [PLUGIN] : [])] });
  const levels = ['strict', 'permissive', 'audit'];
  const minimum = 'io.cncf.notary.verificationPluginMinVersion';

  it.each(levels)('A-S-39 that is named fails the signature at level %s', async (level) => {
    const outcome = await verify(naming('a-plugin', true), { level });
    expect(verdict(outcome)).toBe('payload PLUGIN_REQUIRED');
    expect(trace(outcome)).toEqual(['integrity enforce -']);
  });

  it.each<[string, unknown, boolean]>([
    ['400 that is not critical', 'a-plugin', false],
    ['401 that is blank', ' ', true],
    ['401 that is no text', 1, true],
    ['401 that is null', null, true],
  ])('%s fails the signature at every level', async (_case, value, critical) => {
    for (const level of levels) expect(await judge(naming(value, critical), { level })).toBe('payload PLUGIN_REQUIRED');
  });

  it('is not asked about at level skip', async () => {
    expect(await judge(naming('a-plugin', true), { level: 'skip' })).toBe('PASS');
  });

  it.each(levels)('D1 nobody named, and a critical attribute that nobody knows, fails at level %s', async (level) => {
    expect(await judge(jws({ protectedHeader: { foo: 1 }, crit: [SCHEME, 'foo'] }), { level })).toBe('payload CRITICAL_ATTRIBUTE_UNKNOWN');
  });

  it('402 has a minimum version that means nothing alone, unless it is critical', async () => {
    expect(await judge(jws({ protectedHeader: { [minimum]: '1.0.0' } }))).toBe('PASS');
    expect(await judge(jws({ protectedHeader: { [minimum]: '1.0.0' }, crit: [SCHEME, minimum] }))).toBe(
      'payload CRITICAL_ATTRIBUTE_UNKNOWN',
    );
  });

  it.each(['0.0.9', '1.0.0-alpha', '1.0.0', '1.0.1', '1.1.0-alpha', '1.2.3'])(
    '404 that is named fails the signature, here that there are none, with the minimum version %s',
    async (version) => {
      const envelope = jws({ protectedHeader: { [PLUGIN]: 'a-plugin', [minimum]: version }, crit: [SCHEME, PLUGIN, minimum] });
      for (const level of levels) expect(await judge(envelope, { level })).toBe('payload PLUGIN_REQUIRED');
    },
  );

  it('405 that is named fails the signature with an attribute that the plugin alone could process', async () => {
    expect(await judge(naming('a-plugin', true, { foo: 1 }))).toBe('payload PLUGIN_REQUIRED');
  });

  it('406 is not asked about where the signature is corrupt', async () => {
    const envelope = jws({ protectedHeader: { [PLUGIN]: 'p' }, crit: [SCHEME, PLUGIN], bendSignature: (bytes) => bytes.toReversed() });
    expect(await judge(envelope)).toBe('integrity SIGNATURE_INVALID');
  });
});

describe('how long a good outcome lasts', () => {
  const ends = at('2025-09-01T00:00:00');
  const expiry = at('2025-08-01T00:00:00');
  const signer = root.leaf({ notAfter: ends });

  it.each<[string, Partial<JwsOptions>, Setting, Date | undefined]>([
    ['the end of the certificates', { signer }, {}, ends],
    ['the expiry where that is earlier', { signer, expiry }, {}, expiry],
    ['the end of the certificates where the expiry is logged', { signer, expiry }, { override: { expiry: 'log' } }, ends],
    ['the expiry where the certificates are logged', { signer, expiry }, { override: { authenticTimestamp: 'log' } }, expiry],
    ['for ever where both are logged', { signer, expiry }, { level: 'permissive' }, undefined],
    ['for ever by an authority without expiry', { signer, scheme: SIGNING_AUTHORITY }, {}, undefined],
    ['the expiry by an authority', { signer, scheme: SIGNING_AUTHORITY, expiry }, {}, expiry],
  ])('417 is until %s', async (_case, options, setting, expected) => {
    const outcome = await verify(jws(options), setting);
    expect(verdict(outcome)).toBe('PASS');
    expect(outcome.validUntil).toEqual(expected);
  });

  it('is not said of a bad one', async () => {
    expect((await verify(expired())).validUntil).toBeUndefined();
  });
});
