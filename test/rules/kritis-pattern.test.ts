import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { MAX_PATTERN, matchesName, matchesPrefix, parseNamePattern } from '../../src/rules/kritis-pattern.ts';

const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`;
const matches = (pattern: string, image: string): boolean => matchesName(parseNamePattern(pattern), image);

/** The document's rules word by word, trying every length of every wildcard. */
function slowly(pattern: string, image: string): boolean {
  if (pattern === '') return image === '';
  if (pattern === '*') return !image.includes('/');
  if (!pattern.startsWith('*')) return image !== '' && pattern[0] === image[0] && slowly(pattern.slice(1), image.slice(1));
  const rest = pattern.slice(1);
  if (slowly(rest, image)) return true;
  const [first = ''] = image;
  // A run of wildcards at the end is one of the last kind.
  const taken = /^\*+$/.test(rest) ? /^[^/]$/s : /^[A-Za-z0-9_-]$/;
  return taken.test(first) && slowly(pattern, image.slice(1));
}

describe('A0.4 a pattern of an AdmissionAllowlist', () => {
  it.each<[pattern: string, image: string]>([
    ['nginx:v0.1.0', 'nginx:v0.1.0'],
    ['a.com/nginx*', 'a.com/nginx:v0.1.0'],
    ['a.com/nginx*', 'a.com/nginx'],
    ['a.com/nginx*', 'a.com/nginx-evil:1'],
    ['a.com/nginx*', `a.com/nginx@${DIGEST}`],
    ['a.com/nginx:*', 'a.com/nginx:1.25'],
    ['a.com/*', `a.com/nginx:1@${DIGEST}`],
    ['registry-vpc.cn-*.aliyuncs.com/acs/pause:3.2', 'registry-vpc.cn-hangzhou.aliyuncs.com/acs/pause:3.2'],
    ['registry-vpc.cn-*.aliyuncs.com/acs/pause:3.2', 'registry-vpc.cn-beijing.aliyuncs.com/acs/pause:3.2'],
    ['registry-vpc.cn-*.aliyuncs.com/acs/pause:3.2', 'registry-vpc.cn-.aliyuncs.com/acs/pause:3.2'],
    ['registry*.*.aliyuncs.com/acs/*', 'registry.cn-hangzhou.aliyuncs.com/acs/pause:3.2'],
    ['registry*.*.aliyuncs.com/acs/*', 'registry-vpc.us-west-1.aliyuncs.com/acs/coredns:1.9'],
    ['registry-*.ack.aliyuncs.com/acs/*', 'registry-cn-shanghai.ack.aliyuncs.com/acs/kube-proxy:v1.28'],
    ['registry*.cn-*.aliyuncs.com/acs/*', 'registry.cn-shenzhen.aliyuncs.com/acs/flexvolume:v1'],
    ['registry*.*.aliyuncs.com/arms-docker-repo/*', 'registry-vpc.cn-beijing.aliyuncs.com/arms-docker-repo/arms-prom:1'],
    ['*/nginx:1', 'docker/nginx:1'],
    ['*/nginx:1', '/nginx:1'],
    ['a.com/*-sidecar_*:v1', 'a.com/mesh-sidecar_x:v1'],
    ['a.com/**', 'a.com/app:1'],
    ['*', 'nginx:latest'],
    ['a*b*a', 'abcaba'],
    ['a.com/x*x:1', 'a.com/xxxx:1'],
  ])('%s lets %s run', (pattern, image) => {
    expect(matches(pattern, image)).toBe(true);
  });

  it.each<[pattern: string, image: string, why: string]>([
    ['nginx:v0.1.0', 'nginx:v0.1.1', 'another tag'],
    ['nginx:v0.1.0', 'docker.io/library/nginx:v0.1.0', 'the name in full'],
    ['docker.io/library/nginx:v0.1.0', 'nginx:v0.1.0', 'a short name'],
    ['nginx', 'nginx:latest', 'a tag that is understood'],
    ['nginx:latest', 'nginx', 'a tag that is not written'],
    ['nginx:v0.1.0', `nginx:v0.1.0@${DIGEST}`, 'a digest after it'],
    ['nginx:v0.1.0', 'nginx:v0.1.0 ', 'a space after it'],
    ['nginx:v0.1.0', ' nginx:v0.1.0', 'a space before it'],
    ['nginx:v0.1.0', 'evil.com/nginx:v0.1.0', 'something before it'],
    ['Nginx:1', 'nginx:1', 'another case'],
    ['nginx:v0.1.0', 'nginx:v0a1b0', 'a dot that is no wildcard'],
    ['a.com/nginx*', 'a.com/nginx/test:v0.1.0', 'a slash in the last wildcard'],
    ['a.com/nginx*', 'a.com/nginx-x/test', 'a slash further on'],
    ['a.com/nginx*', 'a.com/nginx/', 'nothing but a slash'],
    ['a.com/nginx*', 'a.com/ngin', 'too short'],
    ['a.com/nginx*', 'b.a.com/nginx:1', 'a host that only ends so'],
    ['a.com/*', 'a.com/team/app:1', 'a deeper repository'],
    ['a.com/*', 'a.com.evil.com/app:1', 'a host that only begins so'],
    ['a.com*', 'a.com/app:1', 'a slash after the host'],
    ['*', 'a.com/app:1', 'a slash, for a pattern that is but a wildcard'],
    ['**', 'a.com/app', 'a slash, for two of them'],
    ['registry*.*.aliyuncs.com/acs/*', 'registry.evil.com/.cn.aliyuncs.com/acs/x', 'slashes in the host'],
    ['registry*.*.aliyuncs.com/acs/*', 'registry.evil.com:5000/a.b.aliyuncs.com/acs/x', 'a port and a slash in the host'],
    ['registry*.*.aliyuncs.com/acs/*', 'registry.evil.com.cn.aliyuncs.com/acs/x', 'dots in a wildcard'],
    ['registry*.*.aliyuncs.com/acs/*', 'registry.aliyuncs.com/acs/pause:3.2', 'a part that is missing'],
    ['registry*.*.aliyuncs.com/acs/*', 'registry.cn-hangzhou.aliyuncs.com/acs/team/pause:3.2', 'a deeper repository'],
    ['registry*.*.aliyuncs.com/acs/*', 'registry.cn-hangzhou.aliyuncs.com/acs-evil/pause:3.2', 'another namespace'],
    ['registry*.*.aliyuncs.com/acs/*', 'my-registry.cn-hangzhou.aliyuncs.com/acs/pause:3.2', 'an instance of somebody else'],
    ['registry*.*.aliyuncs.com/acs/*', 'registry.cn-hangzhou.aliyuncs.com.evil.com/acs/pause:3.2', 'a host that goes on'],
    ['registry*.*.aliyuncs.com/acs/*', 'registry.cn-hangzhouXaliyuncs.com/acs/pause:3.2', 'a dot that is no wildcard'],
    ['registry-*.ack.aliyuncs.com/acs/*', 'registry-cn-shanghai.evil.ack.aliyuncs.com/acs/x', 'a dot in the wildcard'],
    ['registry-*.ack.aliyuncs.com/acs/*', 'registry.ack.aliyuncs.com/acs/x', 'a hyphen that is missing'],
    ['registry-*.ack.aliyuncs.com/acs/*', 'registry-a/b.ack.aliyuncs.com/acs/x', 'a slash in the wildcard'],
    ['registry-*.ack.aliyuncs.com/acs/*', 'registry-a:1.ack.aliyuncs.com/acs/x', 'a colon in the wildcard'],
    ['registry-*.ack.aliyuncs.com/acs/*', 'registry-a@b.ack.aliyuncs.com/acs/x', 'an at sign in the wildcard'],
    ['registry-*.ack.aliyuncs.com/acs/*', 'registry-ä.ack.aliyuncs.com/acs/x', 'a letter that is not ASCII'],
    ['registry-vpc.cn-*.aliyuncs.com/acs/pause:3.2', 'registry-vpc.cn-a.b.aliyuncs.com/acs/pause:3.2', 'a dot'],
    ['registry-vpc.cn-*.aliyuncs.com/acs/pause:3.2', 'registry-vpc.cn-hangzhou.aliyuncs.com/acs/pause:3.20', 'a tag that goes on'],
    ['registry-vpc.cn-*.aliyuncs.com/acs/pause:3.2', `registry-vpc.cn-hangzhou.aliyuncs.com/acs/pause:3.2@${DIGEST}`, 'a digest after it'],
    ['registry-vpc.cn-*.aliyuncs.com/acs/pause:3.2', 'registry.cn-hangzhou.aliyuncs.com/acs/pause:3.2', 'another host'],
    ['a.com/*:v1', 'a.com/app:1:v1', 'a colon in the wildcard'],
    ['a.com/*:v1', 'a.com/team/app:v1', 'a slash in the wildcard'],
    ['a.com/*:v1', 'a.com/app:v2', 'another tag'],
    ['*.com/nginx:1', 'a.b.com/nginx:1', 'a dot in a wildcard at the beginning'],
    ['*/nginx:1', 'a.com/nginx:1', 'a dot in a wildcard at the beginning'],
    ['a*b*a', 'aba-b', 'an end that is missing'],
    ['a*a', 'a', 'one letter that would have to stand twice'],
    ['ab*ba', 'aba', 'an overlap of both ends'],
    ['a*.b*c', 'a.x.bc', 'a dot in the first wildcard'],
    ['a.com/**', 'a.com/x/y', 'a slash in the last of two wildcards'],
    ['', 'nginx', 'anything, for an empty pattern'],
  ])('%s does not let %s run: %s', (pattern, image) => {
    expect(matches(pattern, image)).toBe(false);
  });

  const letters = fc.constantFrom('a', 'b', '-', '_', '.', '/', ':', '@', '1', 'ä');
  const image = fc.string({ unit: letters, maxLength: 14 });
  const pattern = fc.string({ unit: fc.oneof({ arbitrary: letters, weight: 2 }, fc.constant('*')), maxLength: 9 });

  it('is taken as the rules say, whatever the two are', () => {
    fc.assert(
      fc.property(pattern, image, (one, other) => matches(one, other) === slowly(one, other)),
      { numRuns: 20_000 },
    );
  });

  it('is taken as the rules say for images that were made from it', () => {
    const filled = fc.tuple(pattern, fc.array(fc.string({ unit: letters, maxLength: 4 }), { minLength: 9, maxLength: 9 }));
    fc.assert(
      fc.property(filled, ([one, fillings]) => {
        let at = 0;
        const other = one.replaceAll('*', () => fillings[at++] ?? '');
        return matches(one, other) === slowly(one, other);
      }),
      { numRuns: 20_000 },
    );
  });

  it('takes no longer than a moment for the worst of both', () => {
    const startedAt = performance.now();
    for (const part of ['a*', 'aa*', '*', '-*a*', '*.']) {
      const worst = part.repeat(MAX_PATTERN / part.length);
      for (const text of ['a'.repeat(1024), `${'a'.repeat(1023)}.`, `${'a-'.repeat(511)}/`]) {
        for (const end of ['', 'b', 'aab', '/']) matches(worst + end, text);
      }
    }
    expect(performance.now() - startedAt).toBeLessThan(1000);
  });
});

describe('a pattern of a GenericAttestationPolicy', () => {
  it.each<[string, string, boolean]>([
    ['gcr.io/project/app@*', `gcr.io/project/app@${DIGEST}`, true],
    ['gcr.io/project/*', 'gcr.io/project/app:1', true],
    ['gcr.io/project/app', 'gcr.io/project/app', true],
    ['gcr.io/project/*', 'gcr.io/project/team/app:1', false],
    ['gcr.io/project/app', 'gcr.io/project/app:1', false],
    ['gcr.io/*/app', 'gcr.io/project/app', false],
    ['gcr.io/*/app', 'gcr.io/*/app', true],
    ['gcr.io/pro*', 'gcr.io/project', true],
    ['gcr.io/pro*', 'gcr.io/project/app', false],
    ['*', 'gcr.io/project', false],
    ['**', 'nginx', false],
    ['', '', false],
  ])('%s and %s: %s', (pattern, image, expected) => {
    expect(matchesPrefix(pattern, image)).toBe(expected);
  });
});
