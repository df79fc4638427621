import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { InvalidReferenceError, parseReference, referenceText } from '../../src/oci/reference.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const refusal = (text: string): string => {
  try {
    return `read as ${referenceText(parseReference(text))}`;
  } catch (error) {
    return error instanceof InvalidReferenceError ? error.code : `thrown: ${String(error)}`;
  }
};

describe('a reference', () => {
  it.each([
    ['nginx', 'docker.io/library/nginx:latest'],
    ['acme/app:1', 'docker.io/acme/app:1'],
    ['index.docker.io/acme/app:1', 'docker.io/acme/app:1'],
    ['DOCKER.io/nginx', 'docker.io/library/nginx:latest'],
    ['A-T-09: REG.Example.COM/app', 'reg.example.com/app:latest'],
    ['localhost/app', 'localhost/app:latest'],
    ['localhost:5000/app', 'localhost:5000/app:latest'],
    ['127.0.0.1:5000/app', '127.0.0.1:5000/app:latest'],
    ['1.2.3.example/app', '1.2.3.example/app:latest'],
    ['reg-1.example/app', 'reg-1.example/app:latest'],
    ['xn--bcher-kva.example/app', 'xn--bcher-kva.example/app:latest'],
    [`A-T-11: reg.example/app:1@${DIGEST}`, `reg.example/app@${DIGEST}`],
    ['LocalHost/app', 'localhost/app:latest'],
    ['a'.repeat(237), `docker.io/library/${'a'.repeat(237)}:latest`],
  ])('%s is %s, which is the same again', (text, expected) => {
    expect(referenceText(parseReference(text.replace(/^A-T-\d+: /, '')))).toBe(expected);
    expect(referenceText(parseReference(expected))).toBe(expected);
  });

  it.each([
    ['A-T-15: a host with a Kelvin sign, which lower-casing makes a k', '\u212a.example/app:1'],
    ['A-T-15: a Kelvin sign within a host', `dev.\u212aube.example/app@${DIGEST}`],
    ['A-T-15: a host with a long s', '\u017f.example/app'],
    ['A-T-15: a host with a dotted capital I', '\u0130.example/app'],
    ['A-T-15: a host with a Cyrillic letter', 'r\u0435g.example/app'],
    ['A-T-15: a host with a zero-width space', 'reg\u200b.example/app'],
    ['A-T-15: a host with full-width letters', '\uff52eg.example/app'],
    ['A-T-15: a right-to-left override', 'reg.example/\u202eppa'],
    ['A-T-15: a path with a Cyrillic letter', 'reg.example/\u0430pp'],
    ['A-T-15: a tag with a letter that is not ASCII', 'reg.example/app:\u00e9'],
    ['A-T-15: a NUL', 'reg.example/app\0'],
    ['A-T-15: a line break', 'reg.example/app:1\n'],
    ['A-T-09: a host that ends with a dot', 'reg.example./app'],
    ['A-T-09: a port that begins with 0', 'reg.example:0443/app'],
    ['A-T-09: a port beyond all ports', 'reg.example:65536/app'],
    ['A-T-09: an address in two parts', '127.1/app'],
    ['A-T-09: an address in hexadecimal', '0x7f.0.0.1/app'],
    ['A-T-09: an address in hexadecimal with a port', '0x7f000001:5000/app'],
    ['A-T-09: an address as one number with a port', '2130706433:5000/app'],
    ['A-T-09: an address in octal', '0177.0.0.1/app'],
    ['A-T-09: an address with a part beyond 255', '999.1.1.1/app'],
    ['A-T-09: an address in five parts', '1.2.3.4.5/app'],
    ['A-T-09: a name whose last label is a number', 'registry.123/app'],
    ['A-T-09: a name whose last label is 0x', 'registry.0x/app'],
    ['A-T-09: an IPv6 address', '[::1]:5000/app'],
    ['A-T-09: two slashes', 'reg.example//app'],
    ['A-T-09: a path that goes up', 'reg.example/../app'],
    ['A-T-09: a path that goes up, encoded', 'reg.example/%2e%2e/app'],
    ['A-T-09: a backslash', 'reg.example\\app'],
    ['A-T-09: user information', 'user@reg.example/app'],
    ['A-T-09: a query', 'reg.example/app?x'],
    ['A-T-09: a fragment', 'reg.example/app#x'],
    ['A-T-09: a scheme', 'https://reg.example/app'],
    ['A-T-12: two digests', `reg.example/app@${DIGEST}@${DIGEST}`],
    ['A-T-12: a short digest', 'reg.example/app@sha256:aaaa'],
    ['A-T-12: a digest of another length', `reg.example/app@sha512:${'a'.repeat(64)}`],
    ['A-T-12: a digest by MD5', `reg.example/app@md5:${'a'.repeat(32)}`],
    ['A-T-12: a digest named like a member of every object', 'reg.example/app@constructor:x'],
    ['A-T-12: a tag of 129 characters', `reg.example/app:${'a'.repeat(129)}`],
    ['A-T-12: a name of 256 characters', `reg.example/${'a'.repeat(244)}`],
    ['A-T-12: a short name of 256 characters in full', 'a'.repeat(238)],
    ['A-T-09: a host that only a capital tells from a path', 'Library/nginx'],
    ['A-T-05: brackets', '[team]reg.example/app'],
    ['A-T-05: a bracket within', 'reg.example/a]b'],
  ])('is invalid with %s', (_case, text) => {
    expect(refusal(text)).toBe('INVALID_REFERENCE');
  });

  it('A-T-09 has a host that is connected to as it is written, whatever the text', () => {
    const host = fc.stringMatching(/^[a-z0-9.x-]{1,12}$/);
    fc.assert(
      fc.property(fc.oneof(host, fc.ipV4(), fc.domain(), fc.string({ unit: 'binary' })), (text) => {
        let registry: string;
        try {
          ({ registry } = parseReference(`${text}:5000/app`));
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidReferenceError);
          return;
        }
        expect(registry).toBe(`${text.toLowerCase()}:5000`);
        expect(registry).toMatch(/^[\x21-\x7e]+$/);
        expect(new URL(`https://${registry}`).host).toBe(registry);
      }),
      { numRuns: 2_000 },
    );
  });
});
