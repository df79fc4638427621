import { describe, expect, it } from '@jest/globals';
import { InvalidReferenceError, parseReference, referenceText } from '../../src/oci/reference.ts';

const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`;

describe('parseReference', () => {
  it.each([
    ['a short name', 'nginx', 'docker.io/library/nginx:latest'],
    ['a name of two parts', 'team/app:1', 'docker.io/team/app:1'],
    ['the other name of docker.io', 'index.docker.io/nginx', 'docker.io/library/nginx:latest'],
    ['a host with a dot', 'registry.example.test/app', 'registry.example.test/app:latest'],
    ['a host with a port', 'registry:5000/app', 'registry:5000/app:latest'],
    ['a short name of 255 characters in full', 'a'.repeat(237), `docker.io/library/${'a'.repeat(237)}:latest`],
    ['localhost', 'localhost/app', 'localhost/app:latest'],
    ['a host with capitals', 'Registry.Example.TEST/app', 'registry.example.test/app:latest'],
    ['localhost with capitals', 'LocalHost/app', 'localhost/app:latest'],
    ['a digest, beside which the tag does not count', `registry.example.test/app:1@${DIGEST}`, `registry.example.test/app@${DIGEST}`],
  ])('reads %s', (_, text, canonical) => {
    expect(referenceText(parseReference(text))).toBe(canonical);
    expect(referenceText(parseReference(canonical))).toBe(canonical);
  });

  it.each([
    ['nothing', ''],
    ['a host without a repository', 'registry.example.test/'],
    ['capitals in the repository', 'registry.example.test/App'],
    ['a host that only a capital tells from a path', 'Library/nginx'],
    ['the Kelvin sign for a k', 'registry.example.te\u212at/app'],
    ['a dotted capital I', '\u0130.example.test/app'],
    ['port 0', 'registry.example.test:0/app'],
    ['port 65536', 'registry.example.test:65536/app'],
    ['an IPv6 host', '[::1]/app'],
    ['user information', 'user@registry.example.test/app'],
    ['a scheme', 'https://registry.example.test/app'],
    ['a digest of another algorithm', 'app@sha1:0123456789abcdef0123456789abcdef01234567'],
    ['a digest with capitals', `app@${DIGEST.toUpperCase()}`],
    ['two digests', `app@${DIGEST}@${DIGEST}`],
    ['a tag of 129 characters', `app:${'a'.repeat(129)}`],
    ['a short name of 256 characters in full', 'a'.repeat(238)],
    ['a name of 256 characters', `registry.example.test/${'a'.repeat(234)}`],
  ])('refuses %s', (_, text) => {
    expect(() => parseReference(text)).toThrow(InvalidReferenceError);
  });
});
