import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseCertificate } from '../../src/x509/certificate.ts';
import { isSelfSignedOrCa } from '../../src/x509/chain.ts';
import { X509Error } from '../../src/x509/errors.ts';
import { nameText } from '../../src/x509/name.ts';
import { readPemCertificates, readPemFile } from '../../src/x509/pem.ts';
import { pki, toPem } from '../pki.ts';

const { pem, cert } = pki.selfSigned();
const privateKey = readFileSync(join(import.meta.dirname, '../fixtures/keys/rsa-1024.pem'), 'utf8');
const publicKey = '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n';

// The sample certificate of Ratify, as the AKS documentation prints it.
const SAMPLE = `-----BEGIN CERTIFICATE-----
MIIDQzCCAiugAwIBAgIUDxHQ9JxxmnrLWTA5rAtIZCzY8mMwDQYJKoZIhvcNAQEL
BQAwKTEPMA0GA1UECgwGUmF0aWZ5MRYwFAYDVQQDDA1SYXRpZnkgU2FtcGxlMB4X
DTIzMDYyOTA1MjgzMloXDTMzMDYyNjA1MjgzMlowKTEPMA0GA1UECgwGUmF0aWZ5
MRYwFAYDVQQDDA1SYXRpZnkgU2FtcGxlMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A
MIIBCgKCAQEAshmsL2VM9ojhgTVUUuEsZro9jfI27VKZJ4naWSHJihmOki7IoZS8
3/3ATpkE1lGbduJ77M9UxQbEW1PnESB0bWtMQtjIbser3mFCn15yz4nBXiTIu/K4
FYv6HVdc6/cds3jgfEFNw/8RVMBUGNUiSEWa1lV1zDM2v/8GekUr6SNvMyqtY8oo
ItwxfUvlhgMNlLgd96mVnnPVLmPkCmXFN9iBMhSce6sn6P9oDIB+pr1ZpE4F5bwa
gRBg2tWN3Tz9H/z2a51Xbn7hCT5OLBRlkorHJl2HKKRoXz1hBgR8xOL+zRySH9Qo
3yx6WvluYDNfVbCREzKJf9fFiQeVe0EJOwIDAQABo2MwYTAdBgNVHQ4EFgQUKzci
EKCDwPBn4I1YZ+sDdnxEir4wHwYDVR0jBBgwFoAUKzciEKCDwPBn4I1YZ+sDdnxE
ir4wDwYDVR0TAQH/BAUwAwEB/zAOBgNVHQ8BAf8EBAMCAgQwDQYJKoZIhvcNAQEL
BQADggEBAGh6duwc1MvV+PUYvIkDfgj158KtYX+bv4PmcV/aemQUoArqM1ECYFjt
BlBVmTRJA0lijU5I0oZje80zW7P8M8pra0BM6x3cPnh/oZGrsuMizd4h5b5TnwuJ
hRvKFFUVeHn9kORbyQwRQ5SpL8cRGyYp+T6ncEmo0jdIOM5dgfdhwHgb+i3TejcF
90sUs65zovUjv1wa11SqOdu12cCj/MYp+H8j2lpaLL2t0cbFJlBY6DNJgxr5qync
cz8gbXrZmNbzC7W5QK5J7fcx6tlffOpt5cm427f9NiK2tira50HU7gC3HJkbiSTp
Xw10iXXMZzSbQ0/Hj2BF4B40WfAkgRg=
-----END CERTIFICATE-----
`;

describe('readPemFile', () => {
  it.each([
    ['on its lines', SAMPLE],
    ['with CRLF', SAMPLE.replaceAll('\n', '\r\n')],
    ['with white space before the ends of lines', SAMPLE.replaceAll('\n', ' \t\r\n')],
    ['without a last line feed', SAMPLE.trimEnd()],
    ['after a comment', `subject=CA\n${SAMPLE}`],
    ['twice', SAMPLE + SAMPLE],
  ])('reads a certificate %s', (_, text) => {
    expect(readPemFile(text)).toEqual(readPemCertificates(text));
  });

  it.each([
    ['folded onto one line', SAMPLE.replaceAll('\n', ' ')],
    ['indented', ` ${SAMPLE}`],
    ['after a byte order mark', `\ufeff${SAMPLE}`],
    ['with CR alone at the end', `${SAMPLE.trimEnd()}\r`],
    ['with two CR before a line feed', SAMPLE.replace('-----\n', '-----\r\r\n')],
    ['that begins on the line of BEGIN', SAMPLE.replace('-----\n', '-----')],
    ['that ends on the line of END', SAMPLE.replace('\n-----END', '-----END')],
    ['with text after END', SAMPLE.trimEnd().concat('x\n', SAMPLE)],
    ['beside a block of another type', publicKey + SAMPLE],
    ['244 beside a private key', privateKey + SAMPLE],
  ])('refuses a certificate %s', (_, text) => {
    expect(() => readPemFile(text)).toThrow(X509Error);
  });
});

describe('readPemCertificates', () => {
  it.each([
    ['on its lines', SAMPLE],
    ['with CRLF', SAMPLE.replaceAll('\n', '\r\n')],
    ['folded onto one line', SAMPLE.replaceAll('\n', ' ')],
    ['indented as in YAML', SAMPLE.replaceAll('\n', '\n      ')],
  ])('reads the sample of the documentation %s, valid until 2033-06-26 (A1.4)', async (_, text) => {
    const [der, ...more] = readPemCertificates(text);
    const certificate = parseCertificate(der ?? new Uint8Array());
    expect(more).toEqual([]);
    expect(nameText(certificate.subject)).toBe('CN=Ratify Sample,O=Ratify');
    expect(certificate.notAfter.toISOString()).toBe('2033-06-26T05:28:32.000Z');
    expect(await isSelfSignedOrCa(certificate)).toBe(true);
  });

  it('reads a chain in order, passing over comments and blocks of other types', () => {
    const { chain } = pki.root().leaf();
    const text = `# leaf\n${chain.map(toPem).join(`subject=CA\n${publicKey}`)}\n\n`;
    expect(readPemCertificates(text).map((der) => Buffer.from(der))).toEqual(chain.map((der) => Buffer.from(der)));
  });

  it('reads back what was written', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ minLength: 1 }), { minLength: 1, maxLength: 4 }), (blocks) => {
        const read = readPemCertificates(blocks.map(toPem).join(''));
        expect(read.map((der) => Buffer.from(der))).toEqual(blocks.map((der) => Buffer.from(der)));
      }),
    );
  });

  it.each([
    ['text after the last block', `${pem}trailing`, 'text after the last one'],
    ['DER as text', Buffer.from(cert).toString('latin1'), 'no certificates found'],
    ['no text', '', 'no certificates found'],
    ['a public key alone', publicKey, 'no certificates found'],
    ['a block cut off', pem.slice(0, -30), 'no END line'],
    ['a block inside a block', pem.replace('\n', `\n${pem}`), 'no END line'],
    ['an END of another type', pem.replace('END CERTIFICATE', 'END CERTIFICATES'), 'no END line'],
    ['a character outside base64', pem.replace('M', '*'), 'certificate 1 is not base64'],
    ['headers inside the block', pem.replace('\n', '\nProc-Type: 4,ENCRYPTED\n\n'), 'certificate 1 is not base64'],
    ['an empty block', '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----', 'certificate 1 is not base64'],
    ['more than 1 MiB', pem + ' '.repeat(1024 * 1024), 'at most 1048576'],
    ['more than 1000 certificates', '-----BEGIN CERTIFICATE-----AAAA-----END CERTIFICATE-----'.repeat(1001), 'more than 1000'],
  ])('refuses %s', (_, text, fragment) => {
    expect(() => readPemCertificates(text)).toThrow(X509Error);
    expect(() => readPemCertificates(text)).toThrow(fragment);
  });

  it.each([
    ['after the certificate', pem + privateKey],
    ['before the certificate', privateKey + pem],
    ['of a traditional type', pem + privateKey.replaceAll('PRIVATE KEY', 'RSA PRIVATE KEY')],
    ['that is encrypted', pem + privateKey.replaceAll('PRIVATE KEY', 'ENCRYPTED PRIVATE KEY')],
  ])('refuses a private key %s and does not repeat it (244)', (_, text) => {
    const message = messageOf(() => readPemCertificates(text));
    expect(message).toContain('a private key where only certificates belong');
    expect(message).not.toContain('MII');
  });

  it('throws nothing but its own error', () => {
    const fragment = fc.constantFrom('-----BEGIN ', 'CERTIFICATE', '-----', '-----END ', '\n', ' ', 'AAAA', '=', 'PRIVATE KEY');
    fc.assert(
      fc.property(fc.array(fragment), (fragments) => {
        try {
          readPemCertificates(fragments.join(''));
        } catch (error) {
          expect(error).toBeInstanceOf(X509Error);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

function messageOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    return error instanceof X509Error ? error.message : 'another error';
  }
  return 'no error';
}
