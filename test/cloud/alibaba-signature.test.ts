import { describe, expect, it } from '@jest/globals';
import { canonicalQuery, signatureHeaders } from '../../src/cloud/alibaba-signature.ts';

const KEY = { accessKeyId: 'YourAccessKeyId', accessKeySecret: 'YourAccessKeySecret' };
// "Request syntax and signature method V3", the example with fixed parameters.
const CALL = {
  method: 'POST',
  host: 'ecs.cn-shanghai.aliyuncs.com',
  action: 'RunInstances',
  version: '2014-05-26',
  parameters: { RegionId: 'cn-shanghai', ImageId: 'win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd' },
  date: new Date('2023-10-26T10:22:32Z'),
  nonce: '3156853299f313e23d1673dc12e1703d',
} as const;

describe('a signature of method V3', () => {
  it("is that of the vendor's example", () => {
    expect(signatureHeaders(CALL, KEY)).toEqual({
      'x-acs-action': 'RunInstances',
      'x-acs-content-sha256': 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
      'x-acs-date': '2023-10-26T10:22:32Z',
      'x-acs-signature-nonce': '3156853299f313e23d1673dc12e1703d',
      'x-acs-version': '2014-05-26',
      authorization:
        'ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version,Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0',
    });
  });

  const signatureOf = (call: object = {}, key: object = {}) =>
    signatureHeaders({ ...CALL, ...call }, { ...KEY, ...key }).authorization?.split('Signature=')[1];

  it.each<[string, object, object]>([
    ['host', { host: 'ecs.cn-beijing.aliyuncs.com' }, {}],
    ['action', { action: 'StopInstances' }, {}],
    ['version', { version: '2014-05-27' }, {}],
    ['parameter', { parameters: { ...CALL.parameters, RegionId: 'cn-beijing' } }, {}],
    ['date', { date: new Date('2023-10-26T10:22:33Z') }, {}],
    ['nonce', { nonce: '3156853299f313e23d1673dc12e1703e' }, {}],
    ['secret', {}, { accessKeySecret: 'AnotherSecret' }],
    ['security token', {}, { securityToken: 'x' }],
  ])('is another for another %s', (_case, call, key) => {
    expect(signatureOf(call, key)).not.toBe(signatureOf());
  });

  it('covers the security token of a temporary key', () => {
    const headers = signatureHeaders(CALL, { ...KEY, securityToken: 'token' });
    expect(headers['x-acs-security-token']).toBe('token');
    expect(headers.authorization).toContain(';x-acs-date;x-acs-security-token;x-acs-signature-nonce;');
  });

  it('sorts parameters, and encodes all but what RFC 3986 leaves alone', () => {
    expect(canonicalQuery({ b: "a b*c~d/e'()!", a: 'ü+=&', A: '' })).toBe('A=&a=%C3%BC%2B%3D%26&b=a%20b%2Ac~d%2Fe%27%28%29%21');
  });
});
