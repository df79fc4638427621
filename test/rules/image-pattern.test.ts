import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseReference } from '../../src/oci/reference.ts';
import { matchesImage, parseImagePattern } from '../../src/rules/image-pattern.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const OTHER = `sha256:${'b'.repeat(64)}`;

function matches(pattern: string, image: string): boolean {
  const parsed = parseImagePattern(pattern);
  if (typeof parsed === 'string') throw new Error(parsed);
  return matchesImage(parsed, parseReference(image));
}

describe('an image pattern', () => {
  it.each([
    ['reg.test/app', 'reg.test/app:1'],
    ['reg.test/app', `reg.test/app@${DIGEST}`],
    ['reg.test:5000/app', 'reg.test:5000/app'],
    ['reg.test/app:1', `reg.test/app:1@${DIGEST}`],
    [`reg.test/app@${DIGEST}`, `reg.test/app:2@${DIGEST}`],
    ['reg.test/*', 'reg.test/app'],
    ['reg.test/a*p', 'reg.test/ap'],
    ['reg.test/a*b*c', 'reg.test/a-b-c'],
    ['reg.test/team/*', 'reg.test/team/app'],
    ['reg.test/**', 'reg.test/team/app'],
    ['reg.test/team/**', 'reg.test/team/a/b/c:1'],
    ['docker.io/library/nginx', 'nginx'],
    ['docker.io/library/nginx', 'docker.io/nginx:1'],
  ])('%s means %s', (pattern, image) => {
    expect(matches(pattern, image)).toBe(true);
  });

  it.each([
    ['reg.test/app', 'reg.test.evil.test/app'],
    ['reg.test/app', 'evil.test/reg.test/app'],
    ['reg.test/app', 'reg.test:5000/app'],
    ['reg.test/app', 'reg.test/app/more'],
    ['reg.test/app', 'reg.test/app2'],
    ['reg.test/app:1', 'reg.test/app:2'],
    ['reg.test/app:1', 'reg.test/app'],
    ['reg.test/app:1', `reg.test/app@${DIGEST}`],
    [`reg.test/app@${DIGEST}`, `reg.test/app@${OTHER}`],
    [`reg.test/app@${DIGEST}`, 'reg.test/app:1'],
    [`reg.test/app:1@${DIGEST}`, `reg.test/app:2@${DIGEST}`],
    ['reg.test/*', 'reg.test/team/app'],
    ['reg.test/team/*', 'reg.test/team2/app'],
    ['reg.test/a*a', 'reg.test/a'],
    ['reg.test/a*bc*c', 'reg.test/abc'],
    ['reg.test/team/**', 'reg.test/team'],
    ['reg.test/team/**', 'reg.test/teams/app'],
    ['docker.io/library/nginx', 'reg.test/library/nginx'],
    ['docker.io/library/nginx', 'docker.io/other/nginx'],
  ])('%s does not mean %s', (pattern, image) => {
    expect(matches(pattern, image)).toBe(false);
  });

  it.each([
    [''],
    ['*'],
    ['**'],
    ['nginx'],
    ['nginx:1'],
    ['*.test/app'],
    ['reg*/app'],
    ['reg.test/'],
    ['reg.test//app'],
    ['reg.test/**/app'],
    ['reg.test/a**'],
    ['reg.test/App'],
    ['reg.test/app:'],
    ['reg.test/app:*'],
    ['reg.test/app@sha256:*'],
    ['reg.test/app@sha256:abc'],
    [`reg.test/app@${DIGEST}@${DIGEST}`],
    ['https://reg.test/app'],
    ['reg.test/app?'],
    ['reg.test/\u0430pp'],
    [`reg.test/${'a'.repeat(600)}`],
  ])('is not %s', (text) => {
    expect(parseImagePattern(text)).toEqual(expect.stringMatching(/^expected /));
  });

  it('decides as a regular expression made of it would', () => {
    const segment = fc.stringMatching(/^[ab*]{1,6}$/).filter((text) => !text.includes('**'));
    fc.assert(
      fc.property(segment, fc.stringMatching(/^[ab]{1,8}$/), (pattern, text) => {
        const expected = new RegExp(`^${pattern.replaceAll('*', '[^/]*')}$`).test(text);
        expect(matches(`reg.test/${pattern}`, `reg.test/${text}`)).toBe(expected);
      }),
    );
  });
});
