import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseMutateKey, parseVerifyKey } from '../../src/server/key.ts';
import { verdictKey } from '../../src/server/verify.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;

describe('parseVerifyKey', () => {
  it.each([
    ['reg.test/app:1', undefined, {}, 'reg.test/app:1'],
    ['[]reg.test/app:1', undefined, {}, 'reg.test/app:1'],
    ['[team-a]reg.test/app:1', 'team-a', {}, 'reg.test/app:1'],
    [`[a]app@${DIGEST}`, 'a', {}, `app@${DIGEST}`],
    ['[a?]app', 'a', {}, 'app'],
    ['[a?break-glass=INC%2D1]app', 'a', { 'break-glass': 'INC-1' }, 'app'],
    ['[a?x=1&y=2%263%3D%5D]app', 'a', { x: '1', y: '2&3=]' }, 'app'],
    ['[a?x=a+b%2B]app', 'a', { x: 'a b+' }, 'app'],
    ['[?x=]app', undefined, { x: '' }, 'app'],
    ['[a?x=%F0%9F%94%91]app', 'a', { x: '\u{1f511}' }, 'app'],
    [`[${'a'.repeat(63)}]app`, 'a'.repeat(63), {}, 'app'],
  ])('reads %s', (key, namespace, attributes, text) => {
    const parsed = parseVerifyKey(key, 1024);
    if ('error' in parsed) throw new Error(parsed.error);
    expect(parsed.request.namespace).toBe(namespace);
    expect(Object.fromEntries(parsed.request.attributes)).toEqual(attributes);
    expect(parsed.request.text).toBe(text);
  });

  it.each([
    ['7: nothing', ''],
    ['7: a blank', ' '],
    ['58: what names no image', ':latest'],
    ['S-12: a bracket that does not close', '[ns'],
    ['S-12: a bracket in the image', '[a][b]app'],
    ['S-12: a bracket after the image', 'app[a]'],
    ['S-12: an attribute in the image', 'app?break-glass=1'],
    ['an attribute after the brackets', '[a]app?x=1'],
    ['an upper-case namespace', '[Team]app'],
    ['a namespace of 64 characters', `[${'a'.repeat(64)}]app`],
    ['a namespace that ends with a hyphen', '[a-]app'],
    ['a namespace with a dot', '[a.b]app'],
    ['a namespace with a slash', '[a/b]app'],
    ['a blank namespace', '[ ]app'],
    ['an attribute without a value', '[a?x]app'],
    ['an attribute without a name', '[a?=1]app'],
    ['an attribute twice', '[a?x=1&x=2]app'],
    ['an attribute twice, spelled in two ways', '[a?x=1&%78=2]app'],
    ['an empty pair', '[a?x=1&&y=2]app'],
    ['half of an escape', '[a?x=%4]app'],
    ['an escape that is no UTF-8', '[a?x=%ff]app'],
    ['9: half of a surrogate pair', 'reg.test/\ud800'],
    ['A-L-01: a line break', 'app\nisSuccess: true'],
    ['A-L-01: an escape character', 'app\x1b[31m'],
    ['a delete character', 'app\x7f'],
    ['67: a bell', 'x\u0007'],
    ['a NUL', 'app\0'],
    ['A-C-05: a key of 1 KiB and one byte', `app:${'a'.repeat(1021)}`],
    ['10: 1 KiB of UTF-8 in fewer characters', 'é'.repeat(513)],
    ['10: 64 KiB', 'a'.repeat(65_536)],
    ['9: an image in another script', '日本/アプリ'],
    ['a scheme', 'https://reg.test/app'],
    ['user information', 'user:secret@reg.test/app'],
    ['an IPv6 host', '[::1]:5000/app'],
    ['61: a service account', 'system:serviceaccount:ns:name'],
    ['a digest in upper case', `app@sha256:${'A'.repeat(64)}`],
  ])('finds %s invalid', (_case, key) => {
    expect(parseVerifyKey(key, 1024)).toEqual({ error: expect.stringMatching(/^INVALID_REFERENCE: [\x20-\x7e]+$/) });
  });

  it('has an error or a request for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const parsed = parseVerifyKey(text, 1024);
        expect('error' in parsed || parsed.request.text.length <= text.length).toBe(true);
      }),
    );
  });
});

describe('parseMutateKey', () => {
  it.each([['[ns]reg.test/app:1'], ['[]app'], ['[ns?x=1]app'], ['app[ns]'], ['']])(
    'S-12: finds %j invalid: no prefix is read there',
    (key) => {
      expect(parseMutateKey(key, 1024)).toEqual({ error: expect.stringMatching(/^INVALID_REFERENCE: /) });
    },
  );
});

describe('verdictKey', () => {
  const part = fc.oneof(fc.constantFrom('', 'a', 'cluster', 'namespace a', '1:a', ','), fc.string());
  const asked = fc.record({
    revision: part,
    namespace: fc.option(part, { nil: undefined }),
    text: part,
    attributes: fc.array(fc.tuple(part, part), { maxLength: 3 }).map((pairs) => [...new Map(pairs)]),
  });
  const keyOf = ({
    revision,
    namespace,
    text,
    attributes,
  }: {
    revision: string;
    namespace: string | undefined;
    text: string;
    attributes: [string, string][];
  }) =>
    verdictKey(revision, {
      reference: { registry: 'r', path: 'p' },
      text,
      attributes: new Map(attributes),
      ...(namespace === undefined ? {} : { namespace }),
    });

  it('A-C-11, A-C-12: never is the same for two questions', () => {
    fc.assert(
      fc.property(asked, asked, (one, other) => {
        expect(JSON.stringify(keyOf(one)) === JSON.stringify(keyOf(other))).toBe(JSON.stringify(one) === JSON.stringify(other));
      }),
      { numRuns: 1000 },
    );
  });
});
