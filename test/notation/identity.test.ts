import { describe, expect, it } from '@jest/globals';
import { errorText } from '../../src/lib/errors.ts';
import { parseDistinguishedName } from '../../src/notation/identity.ts';
import * as der from '../der-writer.ts';
import { authorityName, pki, type Subject } from '../pki.ts';
import { signJws } from '../sign.ts';
import { judge, leaf, root } from './world.ts';

const E2E: Subject = [
  ['C', 'US'],
  ['ST', 'WA'],
  ['L', 'Seattle'],
  ['O', 'Notary'],
  ['CN', 'e2e'],
];
const replaced = (type: string, value: string | Uint8Array): Subject => E2E.map(([t, v]) => (t === type ? [t, value] : [t, v]));
const and = (...more: Subject): Subject => [...E2E, ...more];
const without = (type: string): Subject => E2E.filter(([t]) => t !== type);
const match = (identities: readonly string[], subject: Subject = E2E) => judge(signJws({ signer: root.leaf({ subject }) }), { identities });
/** Every row has a subject: Jest would pass a callback for one that is missing. */
const table = (rows: readonly (readonly [string, readonly string[], Subject?])[]) =>
  rows.map(([title, identities, subject = E2E]) => [title, identities, subject] as const);
const UNTRUSTED = 'authenticity IDENTITY_UNTRUSTED';
const problemOf = (text: string): string => {
  try {
    parseDistinguishedName(text);
    return 'accepted';
  } catch (error) {
    return error instanceof RangeError ? errorText(error) : 'thrown';
  }
};

describe('trustedIdentities', () => {
  it.each(
    table([
      ['272 * for any subject', ['*'], [['CN', 'x']]],
      ['272 * for a subject that does not parse', ['*'], and(['1.2.840.113549.1.9.1', 'a@b'])],
      ['273 a subset in any order', ['x509.subject:C=US,ST=WA,O=Notary']],
      ['273 spaces around', ['x509.subject: O = Notary , C = US , ST = WA ']],
      ['; between attributes', ['x509.subject:C=US;ST=WA;O=Notary']],
      ['274 S for ST', ['x509.subject:C=US,S=WA,O=Notary']],
      ['278 an empty OU for a leaf without one', ['x509.subject:C=US,ST=WA,O=Notary,OU=']],
      ['284 an escaped comma', ['x509.subject:C=US,ST=WA,O=My\\, Org'], replaced('O', 'My, Org')],
      ['an escape in hex', ['x509.subject:C=US,ST=WA,O=My\\2c Org'], replaced('O', 'My, Org')],
      ['an escape in hex of UTF-8 octets', ['x509.subject:C=US,ST=WA,O=M\\c3\\bcller'], replaced('O', 'Müller')],
      ['an escaped space at both ends', ['x509.subject:O=\\ x\\ ,C=US,ST=WA'], replaced('O', ' x ')],
      ['= in a value', ['x509.subject:C=US,ST=WA,O=a=b'], replaced('O', 'a=b')],
      ['quotes as characters', ['x509.subject:C=US,ST=WA,O=\\"a\\"'], replaced('O', '"a"')],
      ['293 the last of two CNs', ['x509.subject:C=US,ST=WA,O=Notary,CN=second'], [...without('CN'), ['CN', 'first'], ['CN', 'second']]],
      ['any one of several', ['x509.subject:C=US,ST=WA,O=Acme', 'foo:bar', 'x509.subject:C=US,ST=WA,O=Notary']],
    ]),
  )('match with %s', async (_case, identities, subject) => {
    expect(await match(identities, subject)).toBe('PASS');
  });

  it.each(
    table([
      ['276 A-S-24 another case', ['x509.subject:C=US,ST=WA,O=notary']],
      ['A-S-24 another case of the type', ['x509.subject:C=US,ST=WA,O=Notary,cn=e2e']],
      ['277 an attribute that the leaf lacks', ['x509.subject:C=US,ST=WA,O=Notary,OU=x']],
      ['278 an empty OU for a leaf with one', ['x509.subject:C=US,ST=WA,O=Notary,OU='], and(['OU', 'x'])],
      ['289 an unknown prefix alone', ['foo:bar']],
      ['a prefix in another case', ['X509.subject:C=US,ST=WA,O=Notary']],
      ['290 a leaf with emailAddress', ['x509.subject:C=US,ST=WA,O=Notary'], and(['1.2.840.113549.1.9.1', 'a@b'])],
      ['a leaf with DC', ['x509.subject:C=US,ST=WA,O=Notary'], and(['0.9.2342.19200300.100.1.25', 'x'])],
      ['292 a leaf without ST', ['x509.subject:C=US,ST=WA,O=Notary'], without('ST')],
      ['293 the first of two CNs', ['x509.subject:C=US,ST=WA,O=Notary,CN=first'], [...without('CN'), ['CN', 'first'], ['CN', 'second']]],
      ['A-S-24 a leaf with two Os', ['x509.subject:C=US,ST=WA,O=Notary'], and(['O', 'Evil'])],
      ['A-S-24 a leaf with two OUs', ['x509.subject:C=US,ST=WA,O=Notary'], and(['OU', 'a'], ['OU', 'b'])],
      [
        '296 A-S-24 an attribute injected in CN',
        ['x509.subject:C=US,ST=WA,O=Notary'],
        [
          ['C', 'US'],
          ['ST', 'WA'],
          ['O', 'Evil'],
          ['CN', 'x,O=Notary'],
        ],
      ],
      ['A-S-24 a line break in O', ['x509.subject:C=US,ST=WA,O=Notary'], replaced('O', 'Notary\n')],
      ['A-S-24 NUL in O', ['x509.subject:C=US,ST=WA,O=Notary'], replaced('O', 'Notary\u0000')],
      ['A-S-24 a space after O', ['x509.subject:C=US,ST=WA,O=Notary'], replaced('O', 'Notary ')],
      ['A-S-24 a space before O', ['x509.subject:C=US,ST=WA,O=Notary'], replaced('O', ' Notary')],
      ['A-S-24 another normal form', ['x509.subject:C=US,ST=WA,O=M\u00fcller'], replaced('O', 'Mu\u0308ller')],
      ['A-S-24 a look-alike', ['x509.subject:C=US,ST=WA,O=Notary'], replaced('O', 'N\u043etary')],
      ['6.4 =# in a value of the leaf', ['x509.subject:C=US,ST=WA,O=Notary'], replaced('CN', 'Bad=#CN')],
      ['6.4 octets that are no UTF-8 for a replacement character', ['x509.subject:C=US,ST=WA,O=\\ff'], replaced('O', '\ufffd')],
      ['A-S-25 a type of the prototype', ['x509.subject:C=US,ST=WA,O=Notary,__proto__=x']],
      ['A-S-25 constructor as a type', ['x509.subject:C=US,ST=WA,O=Notary,constructor=Object']],
    ]),
  )('do not match with %s', async (_case, identities, subject) => {
    expect(await match(identities, subject)).toBe(UNTRUSTED);
  });

  it('273 A-S-24 compare text, whatever ASN.1 string type it is in', async () => {
    const printable = der.tlv(0x13, Buffer.from('Notary'));
    expect(await match(['x509.subject:C=US,ST=WA,O=Notary'], replaced('O', printable))).toBe('PASS');
  });

  it('294 look at the leaf alone, not at who issued it', async () => {
    const issuer = root.intermediate({ subject: [['ST', 'WA'], ...authorityName('Issuer')] });
    const envelope = signJws({ signer: issuer.leaf({ subject: replaced('O', 'Other') }) });
    expect(await judge(envelope, { identities: ['x509.subject:C=US,ST=WA,O=Notary'] })).toBe(UNTRUSTED);
  });

  it('are looked at only once the signer is trusted', async () => {
    const envelope = signJws({ signer: pki.root().leaf() });
    expect(await judge(envelope, { identities: ['x509.subject:C=US,ST=WA,O=Acme'] })).toBe('authenticity SIGNER_UNTRUSTED');
  });
});

describe('parseDistinguishedName', () => {
  it.each<[string, string, string]>([
    ['280 C twice', 'C=US,C=DE,ST=WA,O=x', 'duplicate'],
    ['280 S and ST', 'C=US,S=WA,ST=WA,O=x', 'duplicate'],
    ['281 a multi-valued RDN', 'C=US+ST=WA,O=x', 'multi-valued'],
    ['282 =#', 'C=US,ST=WA,O=a=#b', '=#'],
    ['282 a value in hex', 'C=US,ST=WA,O=#0c0161', '=#'],
    ['285 a quoted comma', 'C=US,ST=WA,O="My, Org"', 'incomplete'],
    ['286 a comma at the end', 'C=US,ST=WA,O=x,', 'incomplete'],
    ['286 commas', ',,,', 'incomplete'],
    ['no =', 'x', 'incomplete'],
    ['an empty type', '=US,ST=WA,O=x', 'incomplete'],
    ['nothing', '', 'no mandatory RDN attribute for "C"'],
    ['spaces', '  ', 'no mandatory RDN attribute for "C"'],
    ['no C', 'ST=WA,O=x', 'no mandatory RDN attribute for "C"'],
    ['c for C', 'c=US,ST=WA,O=x', 'no mandatory RDN attribute for "C"'],
    ['no ST', 'C=US,O=x', 'no mandatory RDN attribute for "ST"'],
    ['an empty O', 'C=US,ST=WA,O=', 'no mandatory RDN attribute for "O"'],
    ['a backslash at the end', 'C=US,ST=WA,O=x\\', 'escape'],
    ['an escaped space at the very end, which is trimmed first', 'C=US,ST=WA,O=x\\ ', 'escape'],
    ['an unknown escape', 'C=US,ST=WA,O=\\xy', 'escape'],
    ['half an escape in hex', 'C=US,ST=WA,O=\\4', 'escape'],
    ['a byte order mark before it', '\ufeffC=US,ST=WA,O=x', 'no mandatory'],
    ['a tab before it', '\tC=US,ST=WA,O=x', 'white space'],
    ['a no-break space before it', '\u00a0C=US,ST=WA,O=x', 'white space'],
    ['a line break after it', 'C=US,ST=WA,O=x\n', 'white space'],
  ])('refuses %s', (_case, text, fragment) => {
    expect(problemOf(text)).toContain(fragment);
  });

  it.each<[string, string]>([
    ['types of any form', 'C=US,ST=WA,O=x,2.5.4.3=y,foo=z'],
    ['a second value after an empty one', 'C=,C=US,ST=WA,O=x'],
  ])('accepts %s', (_case, text) => {
    expect(problemOf(text)).toBe('accepted');
  });

  it('takes time in proportion to the text', () => {
    expect(problemOf(`C=US,ST=WA,O=${'\\ '.repeat(200_000)},CN=x`)).toBe('accepted');
    expect(problemOf(`C=US,ST=WA,O=${' '.repeat(400_000)}`)).toContain('mandatory');
  });
});

it('keeps the fixture of a leaf that these tables rely on', async () => {
  expect(await judge(signJws({ signer: leaf }), { identities: ['x509.subject:C=US,ST=WA,L=Seattle,O=Notary,CN=leaf'] })).toBe('PASS');
});
