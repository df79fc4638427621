import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ProtocolError, parseProviderRequest, renderResponse, renderSystemError } from '../../src/server/protocol.ts';

const V1BETA1 = 'externaldata.gatekeeper.sh/v1beta1';

function parse(text: string | Uint8Array, maxKeys = 10_000) {
  return parseProviderRequest(typeof text === 'string' ? Buffer.from(text) : text, maxKeys);
}

function refusal(text: string | Uint8Array, maxKeys?: number): ProtocolError {
  try {
    parse(text, maxKeys);
  } catch (error) {
    if (error instanceof ProtocolError) return error;
    throw error;
  }
  throw new Error('parsed');
}

const request = (rest: string, apiVersion = V1BETA1, kind = 'ProviderRequest') =>
  `{"apiVersion":"${apiVersion}","kind":"${kind}","request":${rest}}`;

describe('parseProviderRequest', () => {
  it.each([
    ['1: keys in their order', request('{"keys":["b","a"]}'), ['b', 'a']],
    ['3: repeated keys stay', request('{"keys":["a","a"]}'), ['a', 'a']],
    ['14: v1alpha1', request('{"keys":["a"]}', 'externaldata.gatekeeper.sh/v1alpha1'), ['a']],
    ['15: unknown members', `{"x":1,${request('{"keys":["a"],"y":{}}').slice(1)}`, ['a']],
    ['15: of duplicate members the last counts', request('{"keys":["a"],"keys":["b"]}'), ['b']],
    ['9: escapes as Go writes them', request('{"keys":["\\u003cb\\u003e\\u0026\\u2028"]}'), ['<b>&\u2028']],
    ['a trailing newline', `${request('{"keys":["a"]}')}\n`, ['a']],
    ['7: an empty key', request('{"keys":[""]}'), ['']],
  ])('reads %s', (_case, text, keys) => {
    expect(parse(text).keys).toEqual(keys);
  });

  it.each([
    ['nothing', '', 'expected a ProviderRequest as JSON'],
    ['text', 'keys', 'expected a ProviderRequest as JSON'],
    ['half of a document', request('{"keys":["a"').slice(0, -1), 'expected a ProviderRequest as JSON'],
    ['two documents', request('{"keys":["a"]}').repeat(2), 'expected a ProviderRequest as JSON'],
    ['a byte order mark', `\ufeff${request('{"keys":["a"]}')}`, 'expected a ProviderRequest as JSON'],
    ['bytes that are no UTF-8', Buffer.from(request('{"keys":["\xff"]}'), 'latin1'), 'expected a ProviderRequest as JSON'],
    ['a list', '[]', 'expected a ProviderRequest as a JSON object, found a list'],
    ['null', 'null', 'found null'],
    ['a number', '1', 'found a number'],
    ['14: another apiVersion', request('{"keys":["a"]}', 'v1'), 'expected apiVersion "externaldata.gatekeeper.sh/v1beta1"'],
    ['14: no apiVersion', '{"kind":"ProviderRequest","request":{"keys":["a"]}}', 'found none'],
    [
      '14: another kind',
      request('{"keys":["a"]}', V1BETA1, 'ProviderResponse'),
      'expected kind "ProviderRequest", found "ProviderResponse"',
    ],
    ['no request', `{"apiVersion":"${V1BETA1}","kind":"ProviderRequest"}`, 'expected request to be an object with keys, found none'],
    ['a request that is a list', request('[]'), 'found a list'],
    ['5: keys null', request('{"keys":null}'), 'found null'],
    ['A-C-05: keys missing', request('{}'), 'found none'],
    ['A-C-05: keys an object', request('{"keys":{"0":"a"}}'), 'expected request.keys to be a list of strings, found an object'],
    ['keys a string', request('{"keys":"a"}'), 'found a string'],
    ['A-T-07: keys empty', request('{"keys":[]}'), 'expected at least one image in request.keys'],
    ['6: a number among the keys', request('{"keys":["a",1]}'), 'expected request.keys[1] to be a string, found a number'],
    ['6: an object among the keys', request('{"keys":[{}]}'), 'request.keys[0] to be a string, found an object'],
    ['6: null among the keys', request('{"keys":["a","b",null]}'), 'request.keys[2] to be a string, found null'],
    ['a line break in the version', request('{"keys":["a"]}', 'x\\ny'), 'found "x?y"'],
    ['deep nesting', `${'['.repeat(100_000)}`, 'expected a ProviderRequest as JSON'],
  ])('refuses %s', (_case, text, message) => {
    const error = refusal(text);
    expect(error).toMatchObject({ status: 400, code: 'BAD_REQUEST' });
    expect(error.message).toContain(message);
  });

  it('A-C-05: refuses more keys than allowed, and takes as many', () => {
    expect(refusal(request('{"keys":["a","b","c"]}'), 2).message).toBe('expected at most 2 keys, found 3');
    expect(parse(request('{"keys":["a","b"]}'), 2).keys).toHaveLength(2);
  });

  it('throws nothing but its own error, whatever comes', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.json().map((text) => Buffer.from(text)),
        ),
        (bytes) => {
          expect(refusal(bytes)).toBeInstanceOf(ProtocolError);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('renderResponse', () => {
  it('9: echoes every key so that a reader gets the same string back', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (key) => {
        const parsed = JSON.parse(renderResponse([{ key, error: 'E: e' }], ''));
        expect(parsed.response.items).toEqual([{ key, error: 'E: e' }]);
      }),
    );
  });

  it('writes version, kind and idempotence, and items in the order given', () => {
    const text = renderResponse(
      [
        { key: 'b', json: '{"isSuccess":true}' },
        { key: 'a', error: 'INVALID_REFERENCE: x' },
      ],
      '',
    );
    expect(text).toBe(
      `{"apiVersion":"${V1BETA1}","kind":"ProviderResponse","response":{"idempotent":true,"systemError":"",` +
        '"items":[{"key":"b","value":{"isSuccess":true}},{"key":"a","error":"INVALID_REFERENCE: x"}]}}',
    );
  });

  it('25: makes one ASCII line of at most 1 KiB of any system error', () => {
    const { response } = JSON.parse(renderSystemError('INTERNAL', `a\nb\u2028\x1b[31m${'é'.repeat(5000)}`));
    expect(response.systemError).toMatch(/^INTERNAL: a\?b\?\?\[31m[\x20-\x7e]*\.\.\.$/);
    expect(response.systemError).toHaveLength(1024);
    expect(response.items).toBeUndefined();
  });
});
