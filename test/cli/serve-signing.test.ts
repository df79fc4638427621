import { constants, createHash, createPublicKey, verify } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Attestation } from '../../src/engine/types.ts';
import type { Digest } from '../../src/oci/digest.ts';
import { imageSignatureOf, occurrenceOf } from '../attestations/statements.ts';
import { object } from '../config/world.ts';
import { type RunningProvider, startProvider } from '../e2e/provider.ts';
import { KEY, startFakeAlibaba } from '../fakes/alibaba.ts';
import type { FakeApi } from '../fakes/api.ts';
import { startFakeOci } from '../fakes/oci.ts';
import { type FakeRegistry, startFakeRegistry } from '../fakes/registry.ts';
import { family, pem, simple, vault } from '../rules/signing-world.ts';

const PATH = '/ratify/gatekeeper/v1/verify';
const dir = mkdtempSync(join(tmpdir(), 'countersign-signing-'));
afterAll(() => rmSync(dir, { recursive: true }));

const keep = (folder: string, name: string, statement: unknown) => writeFileSync(join(dir, folder, name), JSON.stringify(statement));
const STORE = object('Store', 'registries', { name: 'oras', parameters: { useHttp: true } });

/** An occurrence of Grafeas with one detached signature. */
const occurrence = (digest: Digest, statement: Attestation) =>
  occurrenceOf(statement, `https://registry.example.test/app@${digest}`, 'namespaces/acr');

async function start(name: string, declared: string, settings: object): Promise<RunningProvider> {
  writeFileSync(join(dir, `${name}.yaml`), `${STORE}${declared}`);
  writeFileSync(join(dir, `${name}-settings.yaml`), JSON.stringify(settings));
  return await startProvider(join(dir, `${name}.yaml`), ['--settings', join(dir, `${name}-settings.yaml`)]);
}

/** `outcome CODE`, or what was said of an image that was left out. */
async function said({ ask }: RunningProvider, key: string): Promise<string> {
  const { response } = await ask(PATH, [key]);
  const [item] = response.items ?? [];
  return item?.value === undefined ? `${item?.error ?? response.systemError}` : `${item.value.outcome} ${item.value.reason.code}`;
}

async function records({ admin }: RunningProvider, event: string): Promise<number> {
  const metrics = await (await fetch(`http://${admin}/metrics`)).text();
  return Number(new RegExp(`^countersign_records_total\\{event="${event}"\\} ([0-9]+)`, 'm').exec(metrics)?.[1] ?? '0');
}

/** Copies a manifest, byte for byte, to another registry, repository and tag. */
async function copy(from: string, to: FakeRegistry, repository: string): Promise<void> {
  const content = new Uint8Array(await (await fetch(from)).arrayBuffer());
  to.push.manifest({ repository, content, tag: 'one' });
}

describe('serve with ImageSigningRules', () => {
  let first: FakeRegistry;
  let second: FakeRegistry;
  let kms: FakeApi;
  let provider: RunningProvider;

  /** A KMS that has the key and is asked about the digest of `payload`; what it is asked about anything else is not signed. */
  const startKms = (payload: Uint8Array) => {
    const padding = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
    const version = {
      version: 'v1',
      publicKey: pem('rsa2048'),
      verify: (algorithm: string, digest: Buffer, signature: Buffer) =>
        algorithm === 'RSA_PSS_SHA_256' &&
        digest.equals(createHash('sha256').update(payload).digest()) &&
        verify('sha256', payload, { key: pem('rsa2048'), ...padding }, signature),
    };
    return startFakeAlibaba({ kms: { 'key-kms': { versions: [version] } } });
  };
  const asked = () => kms.calls.filter(({ headers }) => headers['x-acs-action'] === 'AsymmetricVerify').length;

  beforeAll(async () => {
    mkdirSync(join(dir, 'acr'));
    mkdirSync(join(dir, 'access-key'));
    for (const [name, text] of Object.entries(KEY)) writeFileSync(join(dir, 'access-key', name), text);
    first = await startFakeRegistry();
    second = await startFakeRegistry();
    const registries = [first.host, second.host];
    const keys = [{ id: 'key-local', pem: pem('rsa2048') }];
    const rule = (name: string, over: object) =>
      family('ImageSigningRule', name, { registries, namespaces: [name], algorithm: 'RSA_PSS_SHA_256', keys, ...over });
    for (const namespace of ['bound', 'simple', 'ns-b']) {
      const image = first.pushImage({ repository: `${namespace}/app`, name: namespace });
      first.push.tag(`${namespace}/app`, 'v2', image.digest);
      await copy(`${first.origin}/v2/${namespace}/app/manifests/${image.digest}`, second, `${namespace}/copy`);
      const reference = `${first.host}/${namespace}/app:v1`;
      const signed = simple({ key: 'rsa2048', method: 'pss-sha256-32', keyId: 'key-local', reference, digest: image.digest });
      keep('acr', `${namespace}.json`, occurrence(image.digest, signed));
    }
    const pkcs1 = first.pushImage({ repository: 'pkcs1/app', name: 'pkcs1' });
    const reference = `${first.host}/pkcs1/app:v1`;
    const signed = simple({ key: 'rsa2048', method: 'pss-sha256-32', keyId: 'key-local', reference, digest: pkcs1.digest });
    keep('acr', 'pkcs1.json', occurrence(pkcs1.digest, signed));
    const kept = first.pushImage({ repository: 'kms/app', name: 'kms' });
    const inKms = simple({
      key: 'rsa2048',
      method: 'pss-sha256-32',
      keyId: 'key-kms',
      reference: `${first.host}/kms/app:v1`,
      digest: kept.digest,
    });
    keep('acr', 'kms.json', occurrence(kept.digest, inKms));
    kms = await startKms(inKms.payload);
    const where = { endpoint: kms.origin, accessKeyFolder: join(dir, 'access-key'), verification: 'remote', timeoutSeconds: 0.5 };
    const declared = [
      object('KeyManagementProvider', 'kms', { type: 'alibabacloudkms', parameters: { keys: [{ id: 'key-kms' }], ...where } }),
      rule('kms', { keys: [{ keyProvider: 'kms' }] }),
      rule('bound', { mode: 'Default' }),
      rule('simple', { mode: 'Simple' }),
      rule('pkcs1', { algorithm: 'RSA_PKCS1_SHA_256' }),
      rule('sm2', { algorithm: 'SM2DSA' }),
    ].join('');
    provider = await start('acr', declared, { acr: { attestations: [{ type: 'directory', path: join(dir, 'acr') }] } });
  });

  afterAll(async () => {
    expect(await provider.stop()).toBe(0);
    await Promise.all([first.close(), second.close(), kms.close()]);
  });

  it.each([
    ['A2.1 accepts what was signed with RSA-PSS', () => `${first.host}/bound/app:v1`, 'accepted VERIFIED'],
    ['A2.2 refuses PSS where PKCS#1 is declared', () => `${first.host}/pkcs1/app:v1`, 'refused ALGORITHM_MISMATCH'],
    ['A2.3 refuses another tag of the digest', () => `${first.host}/bound/app:v2`, 'refused PAYLOAD_TAG_MISMATCH'],
    ['A2.4 accepts a copy in another registry by mode Simple', () => `${second.host}/simple/copy:one`, 'accepted VERIFIED'],
    ['A2.4 refuses that copy by mode Default', () => `${second.host}/bound/copy:one`, 'refused PAYLOAD_REPOSITORY_MISMATCH'],
    ['A2.8 refuses another namespace as not covered', () => `${first.host}/ns-b/app:v1`, 'refused NOT_COVERED'],
  ])('%s', async (_, image, expected) => {
    expect(await said(provider, image())).toBe(expected);
  });

  it('A2.7 accepts what the KMS verifies, asked once more after 429', async () => {
    kms.fault({ status: 429, body: { Code: 'Rejected.Throttling' } }, 1, ({ headers }) => headers['x-acs-action'] === 'AsymmetricVerify');
    expect(await said(provider, `${first.host}/kms/app:v1`)).toBe('accepted VERIFIED');
    expect(asked()).toBe(2);
  });

  it('A2.7 refuses by the rule what the KMS verifies', async () => {
    const { digest } = first.pushImage({ repository: 'kms/app', tag: 'v2', name: 'kms' });
    expect(await said(provider, `${first.host}/kms/app:v2@${digest}`)).toBe('refused PAYLOAD_TAG_MISMATCH');
  });

  it('A2.7 asks the KMS once about a signature, whatever names the instance has', async () => {
    first.pushImage({ repository: 'kms/copy', name: 'kms' });
    const before = asked();
    expect(await said(provider, `${first.host}/kms/copy:v1`)).toBe('refused PAYLOAD_REPOSITORY_MISMATCH');
    expect(asked()).toBe(before + 1);
  });

  it('A2.7 leaves an image out while the KMS answers 429', async () => {
    kms.fault({ status: 429, body: { Code: 'Rejected.Throttling' } });
    const { digest } = first.pushImage({ repository: 'kms/app', name: 'kms' });
    expect(await said(provider, `${first.host}/kms/app@${digest}`)).toMatch(/unavailable KEY_PROVIDER_UNAVAILABLE.*Rejected\.Throttling/);
  });

  it('A2.6 says of SM2DSA that it is not supported, and goes on', async () => {
    expect(await said(provider, `${first.host}/sm2/app:v1`)).toContain('unsupported algorithm');
    expect(await said(provider, `${first.host}/simple/app:v2`)).toBe('accepted VERIFIED');
  });

  it.each(['bound', 'simple'])('A2.5 refuses a tag that moved to another digest, by the rule for %s', async (namespace) => {
    first.pushImage({ repository: `${namespace}/app`, tag: 'moved', name: `${namespace} moved` });
    expect(await said(provider, `${first.host}/${namespace}/app:moved`)).toBe('refused NO_SIGNATURES');
  });
});

describe('serve with ImageVerificationPolicies', () => {
  const BREAK_GLASS = encodeURIComponent('oracle.image-policy.k8s.io/break-glass');
  const KEY_ID = 'ocid1.tenancy.oc1..t/ocid1.user.oc1..u/20:3b';
  const fixture = join(import.meta.dirname, '../fixtures/keys/rsa-3072.pem');
  const listed: Record<string, unknown[]> = {};
  let covered: FakeRegistry;
  let open: FakeRegistry;
  let other: FakeRegistry;
  let oci: FakeApi;
  let provider: RunningProvider;
  const pushed = new Map<string, Digest>();
  const image = (name: string) => `${covered.host}/tenancy/project01/${name}@${pushed.get(name)}`;

  beforeAll(async () => {
    mkdirSync(join(dir, 'oke'));
    [covered, open, other] = await Promise.all([startFakeRegistry(), startFakeRegistry(), startFakeRegistry()]);
    const config = { tenancy: 'ocid1.tenancy.oc1..t', user: 'ocid1.user.oc1..u', fingerprint: '20:3b', key_file: fixture };
    const lines = Object.entries(config).map(([name, value]) => `${name}=${value}`);
    writeFileSync(join(dir, 'oci-config'), ['[DEFAULT]', ...lines, ''].join('\n'));
    const keys = { [KEY_ID]: createPublicKey(readFileSync(fixture)) };
    oci = await startFakeOci({ compartmentId: 'ocid1.compartment.oc1..c', signatures: listed, keys });
    const push = (name: string): Digest => {
      const { digest } = covered.pushImage({ repository: `tenancy/project01/${name}`, tag: 'latest', name });
      pushed.set(name, digest);
      return digest;
    };
    const sign = (name: string, over: Partial<Parameters<typeof vault>[0]> = {}) => {
      const repositoryName = `project01/${name}`;
      return vault({ key: 'rsa2048', keyId: 'Y', digest: pushed.get(name), repositoryName, name, ...over });
    };
    for (const name of ['kept', 'listed', 'unsigned', 'many', 'reordered', 'withdrawn', 'glass']) push(name);
    const elsewhere = push('elsewhere');
    keep('oke', 'kept.json', imageSignatureOf(sign('kept')));
    keep('oke', 'withdrawn.json', imageSignatureOf(sign('withdrawn')));
    keep('oke', 'many.json', { items: [imageSignatureOf(sign('many', { key: 'other2048', keyId: 'X' })), imageSignatureOf(sign('many'))] });
    const reorder = (text: string) => JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(text)).toReversed()));
    keep('oke', 'reordered.json', imageSignatureOf(sign('reordered', { payload: reorder })));
    listed[pushed.get('listed') ?? ''] = [imageSignatureOf(sign('listed'))];
    // What is kept for this image was signed for another.
    listed[elsewhere] = [imageSignatureOf(sign('kept'))];
    const Y = { id: 'Y', pem: pem('rsa2048') };
    const sixKeys = Array.from({ length: 6 }, (_, index) => ({ id: `key-${index}`, pem: pem('rsa2048') }));
    const policy = (name: string, spec: object) => family('ImageVerificationPolicy', name, { enabled: true, ...spec });
    const declared = [
      policy('covered', { registries: [covered.host], keys: [Y, { id: 'Z', pem: pem('rsa3072') }] }),
      policy('open', { registries: [open.host], keys: [] }),
      policy('six', { registries: ['six.example.test'], keys: sixKeys }),
    ].join('');
    const api = { type: 'oci-signatures', compartmentId: 'ocid1.compartment.oc1..c', url: oci.origin, configFile: join(dir, 'oci-config') };
    const attestations = [{ type: 'directory', path: join(dir, 'oke') }, api];
    provider = await start('oke', declared, { oke: { attestations }, verdicts: { acceptedSeconds: 1, refusedSeconds: 1 } });
  });

  afterAll(async () => {
    expect(await provider.stop()).toBe(0);
    await Promise.all([covered.close(), open.close(), other.close(), oci.close()]);
  });

  it.each([
    ['A3.2 accepts an image with signatures by a listed key and another', () => image('many'), 'accepted VERIFIED'],
    ['accepts by a signature that is kept in a file', () => image('kept'), 'accepted VERIFIED'],
    ["accepts by a signature that OCI's API lists", () => image('listed'), 'accepted VERIFIED'],
    ['refuses an image without any', () => image('unsigned'), 'refused NO_SIGNATURES'],
    ['A3.5 refuses a tag', () => `${covered.host}/tenancy/project01/kept:latest`, 'refused TAG_REFERENCE'],
    ['A3.7 accepts an image of another registry as not covered', () => `${other.host}/team/app:v1`, 'accepted NOT_COVERED'],
    ['A3.8 refuses an image whose signature is for another', () => image('elsewhere'), 'refused PAYLOAD_DIGEST_MISMATCH'],
    ['A3.9 refuses a message in another order', () => image('reordered'), 'refused SIGNATURE_INVALID'],
  ])('%s', async (_, key, expected) => {
    expect(await said(provider, key())).toBe(expected);
  });

  it('A3.1 says of six keys that five is the limit', async () => {
    expect(await said(provider, `six.example.test/tenancy/app@${pushed.get('kept')}`)).toContain('expected at most 5 keys');
    expect(provider.log.find((line) => line.includes('spec.keys') && line.includes('at most 5 keys'))).toBeDefined();
  });

  it('A3.3 accepts everything without keys, and warns, counts and logs it', async () => {
    const { digest } = open.pushImage({ repository: 'tenancy/app' });
    const before = await records(provider, 'VerifiesNothing');
    expect(await said(provider, `${open.host}/tenancy/app@${digest}`)).toBe('accepted VERIFIES_NOTHING');
    expect(await records(provider, 'VerifiesNothing')).toBe(before + 1);
    expect(provider.log.find((line) => line.includes('enabled but verifies nothing') && line.includes('spec.keys'))).toBeDefined();
  });

  it('A3.5 suggests the digest', async () => {
    const { response } = await provider.ask(PATH, [`${covered.host}/tenancy/project01/glass:latest`]);
    expect(response.items?.[0]?.value.reason.message).toBe(`named by tag latest; use ${image('glass')}`);
  });

  it('A3.6 accepts what has the break-glass annotation with the value true, and records it', async () => {
    const before = await records(provider, 'BreakGlass');
    expect(await said(provider, `[shop?${BREAK_GLASS}=true]${image('glass')}`)).toBe('accepted BREAK_GLASS');
    expect(await records(provider, 'BreakGlass')).toBe(before + 1);
    expect(await said(provider, `[shop]${image('glass')}`)).toBe('refused NO_SIGNATURES');
    for (const value of ['false', 'True'])
      expect(await said(provider, `[shop?${BREAK_GLASS}=${value}]${image('glass')}`)).toBe('refused NO_SIGNATURES');
    expect(await said(provider, `${image('glass')}?${BREAK_GLASS}=true`)).toContain('INVALID_REFERENCE');
  });

  it('A3.11 refuses at the next question after the cache time what was withdrawn', async () => {
    expect(await said(provider, image('withdrawn'))).toBe('accepted VERIFIED');
    rmSync(join(dir, 'oke', 'withdrawn.json'));
    const until = Date.now() + 10_000;
    let answer = await said(provider, image('withdrawn'));
    while (answer !== 'refused NO_SIGNATURES' && Date.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      answer = await said(provider, image('withdrawn'));
    }
    expect(answer).toBe('refused NO_SIGNATURES');
  });

  it('A3.4 leaves an image out while signatures or the registry cannot be read', async () => {
    oci.fault({ status: 500 });
    const unread = `${covered.host}/tenancy/project01/unread`;
    const { digest } = covered.pushImage({ repository: 'tenancy/project01/unread', name: 'unread' });
    expect(await said(provider, `${unread}@${digest}`)).toMatch(/ATTESTATIONS_UNREACHABLE.*answered 500/);
    covered.fault(/gone/, { status: 503 });
    expect(await said(provider, `${covered.host}/tenancy/project01/gone@${digest}`)).toContain('REGISTRY_UNREACHABLE');
  });
});
