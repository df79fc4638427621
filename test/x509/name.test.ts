import { describe, expect, it } from '@jest/globals';
import { parseCertificate } from '../../src/x509/certificate.ts';
import { nameText } from '../../src/x509/name.ts';
import * as der from '../der-writer.ts';
import { pki, type Subject } from '../pki.ts';

const textOf = (subject: Subject) => nameText(parseCertificate(pki.selfSigned({ subject }).cert).subject);
const octets = (text: string) => Buffer.from(text, 'latin1');

describe('nameText', () => {
  it.each<[string, Subject, string]>([
    [
      'the usual five',
      [
        ['C', 'US'],
        ['ST', 'WA'],
        ['L', 'Seattle'],
        ['O', 'Notary'],
        ['CN', 'e2e'],
      ],
      'CN=e2e,O=Notary,L=Seattle,ST=WA,C=US',
    ],
    [
      'the same in any order',
      [
        ['CN', 'e2e'],
        ['L', 'Seattle'],
        ['C', 'US'],
        ['O', 'Notary'],
        ['ST', 'WA'],
      ],
      'CN=e2e,O=Notary,L=Seattle,ST=WA,C=US',
    ],
    [
      'all nine',
      [
        ['C', 'c'],
        ['ST', 's'],
        ['L', 'l'],
        ['STREET', 't'],
        ['POSTALCODE', 'p'],
        ['O', 'o'],
        ['OU', 'u'],
        ['CN', 'n'],
        ['SERIALNUMBER', '1'],
      ],
      'SERIALNUMBER=1,CN=n,OU=u,O=o,POSTALCODE=p,STREET=t,L=l,ST=s,C=c',
    ],
    ['no attributes', [], ''],
    [
      'two OUs',
      [
        ['OU', 'a'],
        ['OU', 'b'],
        ['C', 'US'],
      ],
      'OU=a+OU=b,C=US',
    ],
    [
      'two CNs: the last',
      [
        ['CN', 'a'],
        ['CN', 'b'],
      ],
      'CN=b',
    ],
    [
      'an empty CN',
      [
        ['CN', ''],
        ['O', 'x'],
      ],
      'O=x',
    ],
    [
      'an empty O',
      [
        ['O', ''],
        ['C', 'US'],
      ],
      'O=,C=US',
    ],
    [
      'an e-mail address',
      [
        ['1.2.840.113549.1.9.1', der.tlv(0x16, octets('a@b'))],
        ['CN', 'x'],
      ],
      'CN=x,1.2.840.113549.1.9.1=#0c03614062',
    ],
    [
      'a domain component',
      [
        ['0.9.2342.19200300.100.1.25', der.tlv(0x16, octets('test'))],
        ['C', 'US'],
      ],
      'C=US,0.9.2342.19200300.100.1.25=#130474657374',
    ],
    ['an attribute of 200 bytes', [['2.5.4.12', 'x'.repeat(200)]], `2.5.4.12=#1381c8${'78'.repeat(200)}`],
    ['characters that must be escaped', [['CN', 'a,b+c"d\\e<f>g;h']], 'CN=a\\,b\\+c\\"d\\\\e\\<f\\>g\\;h'],
    ['spaces at the edges', [['CN', ' a b ']], 'CN=\\ a b\\ '],
    ['a number sign in front', [['CN', '#a#']], 'CN=\\#a#'],
    ['"=#", which stays', [['CN', 'a=#b']], 'CN=a=#b'],
    ['Latin-1 in T61String', [['CN', der.tlv(0x14, octets('ä'))]], 'CN=ä'],
    ['BMPString', [['CN', der.tlv(0x1e, Uint8Array.of(0x26, 0x3a, 0, 0))]], 'CN=☺'],
    ['wildcards in PrintableString', [['CN', der.tlv(0x13, octets('*.a & b'))]], 'CN=*.a & b'],
  ])('writes %s as Go does', (_, subject, expected) => {
    expect(textOf(subject)).toBe(expected);
  });

  it('writes several attributes in one RDN like single ones', () => {
    const attribute = (oid: string, value: string) => der.sequence(der.oid(oid), der.utf8(value));
    const rdn = der.tlv(0x31, attribute('2.5.4.3', 'x'), attribute('2.5.4.10', 'y'));
    const { cert } = pki.selfSigned({ bendTbs: (fields) => fields.with(5, der.sequence(rdn)) });
    expect(nameText(parseCertificate(cert).subject)).toBe('CN=x,O=y');
  });
});
