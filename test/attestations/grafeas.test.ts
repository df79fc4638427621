import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { grafeas } from '../../src/attestations/grafeas.ts';
import { issueAuthority } from '../../src/x509/issue.ts';
import type { ApiFault, FakeApi } from '../fakes/api.ts';
import { type FakeGrafeasOptions, startFakeGrafeas } from '../fakes/grafeas.ts';
import { genericOccurrence, IMAGE, listed, OTHER_IMAGE, occurrence } from './statements.ts';

const folder = mkdtempSync(join(tmpdir(), 'countersign-grafeas-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

describe('statements in Grafeas', () => {
  let fake: FakeApi;
  afterEach(() => fake.close());

  const start = async (options: Partial<FakeGrafeasOptions> = {}): Promise<FakeApi> => {
    fake = await startFakeGrafeas({ projects: { kritis: [occurrence()] }, ...options });
    return fake;
  };
  const source = (parameters: object = {}) =>
    grafeas.create({ name: 'grafeas attestations[0]', parameters: grafeas.parameters.parse({ url: fake.origin, ...parameters }) });

  it("asks for what is about the image, in kritis' words", async () => {
    await start();
    const { found, failure } = await listed(source());
    expect({ names: found.map(({ name }) => name), failure }).toEqual({ names: ['projects/p/occurrences/1'], failure: undefined });
    expect(fake.calls.map(({ url }) => `${url.pathname} ${url.searchParams.get('filter')}`)).toEqual([
      `/v1beta1/projects/kritis/occurrences resource_url="https://registry.test/team/app@${IMAGE}" AND kind="ATTESTATION"`,
    ]);
  });

  it.each(['json', 'proto'] as const)('reads pages to the last one, with the names of %s', async (names) => {
    const all = Array.from({ length: 7 }, (_, index) => occurrence({ name: `o${index}` }));
    await start({ projects: { kritis: all }, names, pageSize: 3 });
    const { found, failure } = await listed(source());
    expect({ names: found.map(({ name }) => name), failure, calls: fake.calls.length }).toEqual({
      names: ['o0', 'o1', 'o2', 'o3', 'o4', 'o5', 'o6'],
      failure: undefined,
      calls: 3,
    });
  });

  it('asks for a page when it is wanted, not before', async () => {
    await start({ projects: { kritis: [occurrence(), occurrence()] }, pageSize: 1 });
    const image = { repository: { registry: 'registry.test', path: 'team/app' }, digest: IMAGE, store: undefined };
    for await (const page of source().list(image, new AbortController().signal)) {
      expect(page).toHaveLength(1);
      break;
    }
    expect(fake.calls).toHaveLength(1);
  });

  it('passes over what a server without filters lists beside it', async () => {
    const vulnerability = occurrence({ kind: 'VULNERABILITY', attestation: undefined });
    await start({ projects: { kritis: [vulnerability, occurrence({}, { digest: OTHER_IMAGE }), occurrence()] }, filters: false });
    expect((await listed(source())).found).toHaveLength(1);
  });

  it('asks every project, for the kind that the settings name, under a path', async () => {
    const kind = 'ATTESTATION_AUTHORITY';
    await start({ projects: { a: [occurrence({ kind, name: 'in-a' })], b: [occurrence({ kind, name: 'in-b' })] } });
    const { found } = await listed(source({ projects: ['a', 'b'], kind }));
    expect(found.map(({ name }) => name)).toEqual(['in-a', 'in-b']);
    await listed(source({ url: `${fake.origin}/grafeas/` }));
    expect(fake.calls.at(-1)?.url.pathname).toBe('/grafeas/v1beta1/projects/kritis/occurrences');
  });

  it('takes no occurrences for an answer: nothing is attested', async () => {
    await start({ projects: { kritis: [] } });
    expect(await listed(source())).toEqual({ found: [] });
  });

  it('reads its token anew for each request', async () => {
    const tokenFile = file('token', 'first\n');
    await start({ token: 'second' });
    const kept = source({ tokenFile });
    expect((await listed(kept)).failure?.code).toBe('ATTESTATIONS_DENIED');
    file('token', 'second\n');
    expect((await listed(kept)).found).toHaveLength(1);
    expect(fake.calls.map(({ headers }) => headers.authorization)).toEqual(['Bearer first', 'Bearer second']);
  });

  it('trusts the roots of its settings, and no others', async () => {
    const authority = await issueAuthority({ commonName: 'roots of the test' });
    const { certPem: cert, keyPem: key } = await authority.issue({
      commonName: 'grafeas',
      ipAddresses: ['127.0.0.1'],
      usages: ['serverAuth'],
    });
    await start({ tls: { key, cert } });
    expect((await listed(source({ caFile: file('ca.pem', authority.certPem) }))).found).toHaveLength(1);
    expect((await listed(source())).failure).toEqual({
      code: 'ATTESTATIONS_UNREACHABLE',
      message: expect.stringMatching(/^Grafeas at 127\.0\.0\.1:\d+ cannot be reached: .*certificate/),
    });
  });

  it.each<[string, ApiFault, string, RegExp]>([
    ['401', { status: 401 }, 'ATTESTATIONS_DENIED', /answered 401$/],
    ['403', { status: 403 }, 'ATTESTATIONS_DENIED', /answered 403$/],
    ['404', { status: 404 }, 'ATTESTATIONS_INVALID', /has no project "kritis": it answered 404$/],
    ['429', { status: 429 }, 'ATTESTATIONS_THROTTLED', /answered 429$/],
    ['500', { status: 500 }, 'ATTESTATIONS_UNREACHABLE', /answered 500$/],
    ['503', { status: 503 }, 'ATTESTATIONS_UNREACHABLE', /answered 503$/],
    ['a redirect', { status: 302, headers: { location: '/' } }, 'ATTESTATIONS_INVALID', /answered 302$/],
    ['400', { status: 400 }, 'ATTESTATIONS_INVALID', /answered 400$/],
    ['nothing', { silent: true }, 'ATTESTATIONS_UNREACHABLE', /did not answer within 0\.3 s$/],
    ['half an answer, and no more', { hangAfter: 20 }, 'ATTESTATIONS_UNREACHABLE', /did not answer within 0\.3 s$/],
    ['half an answer, and leaves', { cutAfter: 20 }, 'ATTESTATIONS_UNREACHABLE', /cannot be reached: ended early/],
    ['no JSON', { body: '<html>' }, 'ATTESTATIONS_INVALID', /something else than JSON/],
    ['a list', { body: [] }, 'ATTESTATIONS_INVALID', /something else than a list of occurrences$/],
    ['occurrences that are no list', { body: { occurrences: {} } }, 'ATTESTATIONS_INVALID', /occurrences that are no list$/],
    ['a token that is no text', { body: { nextPageToken: 7 } }, 'ATTESTATIONS_INVALID', /nextPageToken that is no text$/],
    ['pages without end', { body: { nextPageToken: '1' } }, 'ATTESTATIONS_INVALID', /more than 10 pages of occurrences/],
    ['5 MiB', { body: `"${'x'.repeat(5 * 1024 * 1024)}"` }, 'ATTESTATIONS_INVALID', /is longer than 4194304 bytes/],
    ['a compressed answer', { headers: { 'content-encoding': 'gzip' } }, 'ATTESTATIONS_INVALID', /Content-Encoding/],
  ])('A0.8 a server that answers %s is unavailable, not one without occurrences', async (_case, fault, code, message) => {
    await start();
    fake.fault(fault);
    const { found, failure } = await listed(source({ timeoutSeconds: 0.3 }));
    expect({ found, failure }).toEqual({ found: [], failure: { code, message: expect.stringMatching(message) } });
    expect(failure?.message).not.toMatch(/not attested/);
  });

  it('A0.8 a server that is down is unavailable', async () => {
    await start();
    const kept = source();
    await fake.close();
    expect((await listed(kept)).failure?.code).toBe('ATTESTATIONS_UNREACHABLE');
  });

  it.each<[string, ApiFault, number]>([
    ['429', { status: 429 }, 2],
    ['429 with a moment to wait', { status: 429, headers: { 'retry-after': '0' } }, 2],
    ['503', { status: 503 }, 2],
    ['half an answer', { cutAfter: 20 }, 2],
    ['429 with a minute to wait', { status: 429, headers: { 'retry-after': '60' } }, 1],
    ['403', { status: 403 }, 1],
    ['no JSON', { body: '{' }, 1],
  ])('asks once more after %s only where that is of use', async (_case, fault, calls) => {
    await start();
    fake.fault(fault, 1);
    const { found, failure } = await listed(source());
    expect({ calls: fake.calls.length, found: found.length, failed: failure !== undefined }).toEqual({
      calls,
      found: calls - 1,
      failed: calls === 1,
    });
  });

  it('A0.8 ends with the deadline, in the middle of a wait too', async () => {
    await start();
    fake.fault({ silent: true });
    await expect(listed(source({ timeoutSeconds: 10 }), {}, AbortSignal.timeout(150))).rejects.toMatchObject({ name: 'TimeoutError' });
    fake.fault({ status: 429, headers: { 'retry-after': '1' } });
    await expect(listed(source(), {}, AbortSignal.timeout(150))).rejects.toMatchObject({ name: 'TimeoutError' });
  });

  it('a page that is missing is not the end of the list', async () => {
    await start({ projects: { kritis: [occurrence({ name: 'a' }), occurrence({ name: 'b' })] }, pageSize: 1 });
    fake.fault({ status: 500 }, 2, ({ url }) => url.searchParams.has('pageToken'));
    const { found, failure } = await listed(source());
    expect({ names: found.map(({ name }) => name), code: failure?.code }).toEqual({ names: ['a'], code: 'ATTESTATIONS_UNREACHABLE' });
  });

  it('a project that cannot be listed hides no other', async () => {
    await start({ projects: { b: [occurrence()] } });
    const { found, failure } = await listed(source({ projects: ['a', 'b'] }));
    expect({ found: found.length, failure }).toEqual({
      found: 1,
      failure: { code: 'ATTESTATIONS_INVALID', message: expect.stringMatching(/has no project "a"/) },
    });
  });

  it('an occurrence that cannot be read hides no other, and is not passed over either', async () => {
    await start({ projects: { kritis: [genericOccurrence({ signatures: [] }), occurrence({ name: 'good' })] } });
    const { found, failure } = await listed(source());
    expect({ names: found.map(({ name }) => name), failure }).toEqual({
      names: ['good'],
      failure: {
        code: 'ATTESTATIONS_INVALID',
        message: expect.stringMatching(/^projects\/p\/occurrences\/1: has no signatures; mend or delete it in 127\.0\.0\.1:/),
      },
    });
  });

  it.each<[string, () => object, RegExp]>([
    ['is not there', () => ({ tokenFile: join(folder, 'none') }), /none is not there$/],
    ['is empty', () => ({ tokenFile: file('empty', '') }), /empty holds no token$/],
    ['has several lines', () => ({ tokenFile: file('lines', 'a\nb') }), /lines holds no token$/],
  ])('sends nothing where the file of its token %s', async (_case, parameters, message) => {
    await start();
    const { failure } = await listed(source(parameters()));
    expect(failure).toEqual({ code: 'ATTESTATIONS_DENIED', message: expect.stringMatching(message) });
    expect(fake.calls).toEqual([]);
  });
});

describe('the parameters of a Grafeas source', () => {
  it.each<[string, object]>([
    ['no URL', {}],
    ['a URL of another scheme', { url: 'ftp://grafeas.test' }],
    ['a URL with a password', { url: 'https://user:pass@grafeas.test' }],
    ['a URL with a query', { url: 'https://grafeas.test/?a=b' }],
    ['no URL at all', { url: 'grafeas.test:443' }],
    ['a token over plain HTTP', { url: 'http://grafeas.test', tokenFile: '/token' }],
    ['no projects', { url: 'https://grafeas.test', projects: [] }],
    ['a project that leads elsewhere', { url: 'https://grafeas.test', projects: ['../x'] }],
    ['another kind', { url: 'https://grafeas.test', kind: 'BUILD' }],
    ['no time', { url: 'https://grafeas.test', timeoutSeconds: 0 }],
  ])('are not %s', (_case, parameters) => {
    expect(grafeas.parameters.safeParse(parameters).success).toBe(false);
  });

  it('may be plain HTTP without a token', () => {
    expect(grafeas.parameters.safeParse({ url: 'http://grafeas.grafeas.svc:8080' }).success).toBe(true);
  });
});
