import { PassThrough, Readable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { judgeCommand } from '../../src/cli/judge.ts';
import { OID, pki } from '../pki.ts';
import { distributionPoints, entry, responders, revocationList } from '../revocation-answers.ts';
import { SUBJECT, signCose, signJws } from '../sign.ts';
import { timestamping, timestampToken } from '../timestamp-token.ts';

const root = pki.root();
const leaf = root.leaf();
const REFERENCE = `registry.example.test/app@${SUBJECT.digest}`;
const NOW = '2025-06-01T00:00:00Z';

function policy(statement: Record<string, unknown> = {}): unknown {
  const base = {
    name: 'p',
    registryScopes: ['*'],
    signatureVerification: { level: 'strict' },
    trustStores: ['ca:acme'],
    trustedIdentities: ['*'],
  };
  return { version: '1.0', trustPolicies: [{ ...base, ...statement }] };
}

function caseOf(over: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    id: 'one',
    mediaType: 'application/jose+json',
    envelope: Buffer.from(signJws({ signer: leaf })).toString('base64'),
    subject: SUBJECT,
    reference: REFERENCE,
    trustPolicy: policy(),
    trustStores: { 'ca:acme': [root.pem] },
    now: NOW,
    revocation: { ocsp: {}, crl: {} },
    ...over,
  };
}

interface Said {
  readonly id: unknown;
  readonly outcome: string;
  readonly reason: { readonly code: string; readonly message: string };
  readonly results: readonly { readonly type: string; readonly action: string; readonly error: string | null }[];
}

async function judge(input: string | Buffer): Promise<{ exit: number; answers: Said[] }> {
  const output = new PassThrough();
  const chunks: Buffer[] = [];
  output.on('data', (chunk: Buffer) => chunks.push(chunk));
  const exit = await judgeCommand(Readable.from([Buffer.from(input)]), output);
  const text = Buffer.concat(chunks).toString('utf8');
  expect(text === '' || text.endsWith('\n')).toBe(true);
  return {
    exit,
    answers: text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line)),
  };
}

const one = async (over: Record<string, unknown>): Promise<Said | undefined> => (await judge(JSON.stringify(caseOf(over)))).answers[0];
const audit = policy({ signatureVerification: { level: 'audit' } });
const stranger = pki.root({ key: 'EC-256' });
const revocable = root.leaf({
  extensions: {
    [OID.crlDistributionPoints]: {
      // One distribution point: http://l.test/c.crl
      value: Buffer.from('301b3019a017a0158613687474703a2f2f6c2e746573742f632e63726c', 'hex'),
    },
  },
});

describe('judge', () => {
  it('answers a good case with every step, in the order of the steps', async () => {
    const { exit, answers } = await judge(JSON.stringify(caseOf()));
    expect(exit).toBe(0);
    expect(answers).toEqual([
      {
        id: 'one',
        outcome: 'accepted',
        reason: { code: 'VERIFIED', message: expect.stringContaining('CN=leaf') },
        results: ['integrity', 'authenticity', 'expiry', 'authenticTimestamp', 'revocation'].map((type) => ({
          type,
          action: 'enforce',
          error: null,
        })),
      },
    ]);
  });

  it('accepts COSE', async () => {
    const envelope = Buffer.from(signCose({ signer: leaf })).toString('base64');
    expect(await one({ mediaType: 'application/cose', envelope })).toMatchObject({ outcome: 'accepted' });
  });

  it.each<[string, Record<string, unknown>, string, string]>([
    ['a signer whom nobody trusts', { trustStores: { 'ca:acme': [stranger.pem] } }, 'refused', 'SIGNER_UNTRUSTED'],
    ['an envelope of the other format', { mediaType: 'application/cose' }, 'refused', 'ENVELOPE_INVALID'],
    ['an unknown media type', { mediaType: 'application/json' }, 'refused', 'ENVELOPE_INVALID'],
    ['another artifact', { subject: { ...SUBJECT, size: 529 } }, 'refused', 'PAYLOAD_MISMATCH'],
    ['a certificate that is not valid any more', { now: '2150-01-01T00:00:00Z' }, 'refused', 'CERTIFICATE_EXPIRED'],
    [
      'another identity',
      { trustPolicy: policy({ trustedIdentities: ['x509.subject: C=US, ST=WA, O=Other'] }) },
      'refused',
      'IDENTITY_UNTRUSTED',
    ],
    ['a reference without a digest', { reference: 'registry.example.test/app:1' }, 'refused', 'NO_APPLICABLE_POLICY'],
    ['6 nothing after the @', { reference: 'registry.example.test/app@' }, 'refused', 'INVALID_REFERENCE'],
    ['6 a digest too short', { reference: 'registry.example.test/app@sha256:xyz' }, 'refused', 'INVALID_REFERENCE'],
    ['8 a digest of another algorithm', { reference: 'registry.example.test/app@md5:00' }, 'refused', 'INVALID_REFERENCE'],
    ['6 a digest that is none', { reference: 'registry.example.test/app@sha256' }, 'refused', 'INVALID_REFERENCE'],
    ['9 a digest other than the subject has', { reference: `${REFERENCE.slice(0, -1)}0` }, 'refused', 'INVALID_REFERENCE'],
    [
      'a repository that no scope names',
      { trustPolicy: policy({ registryScopes: ['registry.example.test/other'] }) },
      'refused',
      'NO_APPLICABLE_POLICY',
    ],
    ['metadata that was not signed', { userMetadata: { build: '1' } }, 'refused', 'METADATA_MISMATCH'],
    [
      'a responder that is not asked',
      { envelope: Buffer.from(signJws({ signer: revocable })).toString('base64') },
      'unavailable',
      'REVOCATION_UNKNOWN',
    ],
    ['a demanded timestamp', { trustPolicy: policy({ trustStores: ['ca:acme', 'tsa:t'] }) }, 'refused', 'TIMESTAMP_MISSING'],
    ['a trust store that is not there', { trustStores: {} }, 'misconfigured', 'TRUST_STORE_INVALID'],
    ['a trust store that is no PEM', { trustStores: { 'ca:acme': ['nonsense'] } }, 'misconfigured', 'TRUST_STORE_INVALID'],
    ['a trust policy of another version', { trustPolicy: { version: '2.0' } }, 'misconfigured', 'TRUST_POLICY_INVALID'],
    ['a trust policy that is none', { trustPolicy: null }, 'misconfigured', 'TRUST_POLICY_INVALID'],
  ])('does not accept %s', async (_what, over, outcome, code) => {
    expect(await one(over)).toMatchObject({ id: 'one', outcome, reason: { code } });
  });

  const LIST = 'http://l.test/c.crl';
  const withList = (list: Uint8Array | null) => ({
    envelope: Buffer.from(signJws({ signer: revocable })).toString('base64'),
    revocation: { ocsp: {}, crl: { [LIST]: list === null ? null : Buffer.from(list).toString('base64') } },
  });
  it.each<[string, Uint8Array | null, string, string]>([
    ['a list that does not name the certificate', revocationList({ issuer: root }), 'accepted', 'VERIFIED'],
    [
      'a list that names the certificate',
      revocationList({ issuer: root, entries: [entry(revocable.cert)] }),
      'refused',
      'CERTIFICATE_REVOKED',
    ],
    ["a stranger's list", revocationList({ issuer: root, signer: stranger }), 'unavailable', 'REVOCATION_UNKNOWN'],
    ['a list that cannot be reached', null, 'unavailable', 'REVOCATION_UNKNOWN'],
  ])('asks the network of the line: %s', async (_what, list, outcome, code) => {
    expect(await one(withList(list))).toMatchObject({ outcome, reason: { code } });
  });

  const tsaRoot = pki.root({ subject: [['CN', 'TSA Root']] });
  const tsa = tsaRoot.leaf(timestamping({ extensions: { [OID.crlDistributionPoints]: { value: distributionPoints(LIST) } } }));
  const stamped = (list: Uint8Array | null, over: Record<string, unknown> = {}) => {
    const timestampSignature = (message: Uint8Array) => timestampToken({ tsa, message, genTime: new Date('2025-03-01T12:00:00Z') });
    return {
      ...withList(list),
      envelope: Buffer.from(signJws({ signer: root.leaf({ notAfter: new Date('2025-05-01T00:00:00Z') }), timestampSignature })).toString(
        'base64',
      ),
      trustPolicy: policy({ trustStores: ['ca:acme', 'tsa:clock'] }),
      trustStores: { 'ca:acme': [root.pem], 'tsa:clock': [tsaRoot.pem] },
      ...over,
    };
  };
  const goodList = revocationList({ issuer: tsaRoot });
  const gone = revocationList({ issuer: tsaRoot, entries: [entry(tsa.cert)] });
  const skipping = policy({
    trustStores: ['ca:acme', 'tsa:clock'],
    signatureVerification: { level: 'strict', override: { revocation: 'skip' } },
  });
  it.each<[string, Record<string, unknown>, string, string]>([
    ['312 313 a timestamp, the certificate expired', stamped(goodList), 'accepted', 'VERIFIED'],
    ['314 a timestamp, without a tsa store', stamped(goodList, { trustPolicy: policy() }), 'refused', 'CERTIFICATE_EXPIRED'],
    [
      '340 a timestamp, the root in the ca store',
      stamped(goodList, { trustStores: { 'ca:acme': [root.pem, tsaRoot.pem], 'tsa:clock': [root.pem] } }),
      'refused',
      'TIMESTAMP_INVALID',
    ],
    [
      '341 a timestamp, a leaf in the store',
      stamped(goodList, { trustStores: { 'ca:acme': [root.pem], 'tsa:clock': [tsa.pem] } }),
      'misconfigured',
      'TRUST_STORE_INVALID',
    ],
    ['350 a timestamp by a revoked authority', stamped(gone), 'refused', 'CERTIFICATE_REVOKED'],
    [
      '350 a timestamp by a revoked authority, revocation skipped',
      stamped(gone, { trustPolicy: skipping }),
      'refused',
      'CERTIFICATE_REVOKED',
    ],
    ['a timestamp by an authority of unknown status', stamped(null), 'unavailable', 'REVOCATION_UNKNOWN'],
  ])('judges %s', async (_what, over, outcome, code) => {
    expect(await one(over)).toMatchObject({ outcome, reason: { code } });
  });

  it.each<[string, Record<string, unknown>, string, string]>([
    ['304 strict', { level: 'strict' }, 'refused', 'CERTIFICATE_REVOKED'],
    ['304 permissive', { level: 'permissive' }, 'accepted', 'VERIFIED'],
    ['304 strict with revocation skipped', { level: 'strict', override: { revocation: 'skip' } }, 'accepted', 'VERIFIED'],
  ])('of a revoked certificate says at level %s what the level makes of it', async (_what, signatureVerification, outcome, code) => {
    const list = revocationList({ issuer: root, entries: [entry(revocable.cert)] });
    expect(await one({ ...withList(list), trustPolicy: policy({ signatureVerification }) })).toMatchObject({ outcome, reason: { code } });
  });

  const asking = (url: string, list: Uint8Array | null, level = 'strict') => {
    const signer = root.leaf({
      extensions: {
        [OID.authorityInfoAccess]: { value: responders(url) },
        [OID.crlDistributionPoints]: { value: distributionPoints(LIST) },
      },
    });
    return one({
      ...withList(list),
      envelope: Buffer.from(signJws({ signer })).toString('base64'),
      trustPolicy: policy({ signatureVerification: { level } }),
    });
  };
  it.each<[string, string, Uint8Array | null, string, string]>([
    ['361 https, and a list', 'https://o.test/', revocationList({ issuer: root }), 'accepted', 'VERIFIED'],
    ['361 https, and no list', 'https://o.test/', null, 'unavailable', 'REVOCATION_UNKNOWN'],
    ['376 what is no URL', 'http://[::1', null, 'unavailable', 'REVOCATION_UNKNOWN'],
  ])('asks no responder at %s', async (_what, url, list, outcome, code) => {
    expect(await asking(url, list)).toMatchObject({ outcome, reason: { code } });
  });

  it('376 logs at level audit that a responder has no URL', async () => {
    const answer = await asking('http://[::1', null, 'audit');
    expect(answer?.outcome).toBe('accepted');
    expect(answer?.results.at(-1)).toEqual({ type: 'revocation', action: 'log', error: expect.stringContaining('is unknown') });
  });

  it('asks nobody about a signer who is not trusted where that is only noted', async () => {
    const list = revocationList({ issuer: root, entries: [entry(revocable.cert)] });
    const answer = await one({ ...withList(list), trustPolicy: audit, trustStores: { 'ca:acme': [stranger.pem] } });
    expect(answer?.outcome).toBe('accepted');
    expect(answer?.results.at(-1)?.error).toContain('nobody was asked');
  });

  it('keeps no answer of a list for the next line', async () => {
    const good = JSON.stringify(caseOf(withList(revocationList({ issuer: root }))));
    const bad = JSON.stringify(caseOf(withList(revocationList({ issuer: root, entries: [entry(revocable.cert)] }))));
    const { answers } = await judge(`${good}\n${bad}\n${good}\n`);
    expect(answers.map(({ outcome }) => outcome)).toEqual(['accepted', 'refused', 'accepted']);
  });

  it('records what audit only logs', async () => {
    const answer = await one({ trustPolicy: audit, trustStores: { 'ca:acme': [stranger.pem] } });
    expect(answer?.outcome).toBe('accepted');
    expect(answer?.results).toContainEqual({
      type: 'authenticity',
      action: 'log',
      error: expect.stringContaining('does not contain any trusted'),
    });
  });

  it('reads nothing at level skip', async () => {
    const skip = { version: '1.0', trustPolicies: [{ name: 's', registryScopes: ['*'], signatureVerification: { level: 'skip' } }] };
    const answer = await one({ trustPolicy: skip, envelope: '' });
    expect(answer).toMatchObject({ outcome: 'accepted', reason: { code: 'SKIPPED' } });
    expect(answer?.results.map(({ action }) => action)).toEqual(['skip', 'skip', 'skip', 'skip', 'skip']);
  });

  it.each<[string, unknown]>([
    ['a number', 7],
    ['null', null],
    ['an object', { a: [1, 'x', null] }],
    ['a list', [true]],
  ])('echoes an id that is %s', async (_what, id) => {
    expect(await one({ id })).toMatchObject({ id, outcome: 'accepted' });
  });

  it.each<[string, string | Buffer]>([
    ['no JSON', 'nonsense'],
    ['a list', '[]'],
    ['a text', '"case"'],
    ['null', 'null'],
    ['a duplicate member', '{"id":1,"id":2}'],
    ['bytes that are no UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
    ['nothing in it', '{}'],
    ['bytes after it', `${JSON.stringify(caseOf())} x`],
    ['253 D16 a second value after it', `${JSON.stringify(caseOf())} {}`],
    ['253 D16 a second value within the policy', JSON.stringify(caseOf()).replace('"trustPolicy":{', '"trustPolicy":{}{')],
    ['nesting without end', '['.repeat(100_000)],
    ...Object.entries<unknown>({
      mediaType: 1,
      envelope: 'not base64!',
      subject: { mediaType: 'a/b', digest: 'md5:00', size: 1 },
      reference: null,
      trustStores: [],
      now: 'yesterday',
      revocation: { ocsp: { 'http://a.test': 7 } },
      userMetadata: { a: 1 },
    }).map(([name, value]): [string, string] => [`a wrong ${name}`, JSON.stringify(caseOf({ [name]: value }))]),
    ['a size that is no integer', JSON.stringify(caseOf()).replace('"size":528', '"size":528.0')],
    ['a size beyond what a double holds', JSON.stringify(caseOf()).replace('"size":528', '"size":9007199254740993')],
    ['a trust store that is no list', JSON.stringify(caseOf({ trustStores: { 'ca:acme': root.pem } }))],
    ['an answer of a list that is not base64', JSON.stringify(caseOf({ revocation: { crl: { 'http://l.test/c.crl': '-' } } }))],
  ])('reads on after a line that is no case: %s', async (_what, line) => {
    const { exit, answers } = await judge(Buffer.concat([Buffer.from(line), Buffer.from(`\n${JSON.stringify(caseOf())}\r\n`)]));
    expect(exit).toBe(3);
    expect(answers).toEqual([
      { id: null, outcome: 'misconfigured', reason: { code: 'CASE_INVALID', message: expect.any(String) }, results: [] },
      expect.objectContaining({ id: 'one', outcome: 'accepted' }),
    ]);
  });

  it('passes over a line of more than 16 MiB, and reads on', async () => {
    const { exit, answers } = await judge(`{"id":"${'x'.repeat(17 * 1024 * 1024)}"}\n${JSON.stringify(caseOf())}`);
    expect(exit).toBe(3);
    expect(answers.map(({ outcome }) => outcome)).toEqual(['misconfigured', 'accepted']);
  });

  it('leaves blank lines out, and answers none to no line', async () => {
    expect(await judge('\n  \r\n\n')).toEqual({ exit: 0, answers: [] });
  });

  it('answers many lines in their order', async () => {
    const ids = Array.from({ length: 50 }, (_, index) => index);
    const { answers } = await judge(ids.map((id) => JSON.stringify(caseOf({ id }))).join('\n'));
    expect(answers.map(({ id }) => id)).toEqual(ids);
  });
});
