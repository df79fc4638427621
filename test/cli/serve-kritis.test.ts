import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { OBJECT_KINDS } from '../../src/config/schema/kinds.ts';
import type { Attestation } from '../../src/engine/types.ts';
import type { Digest } from '../../src/oci/digest.ts';
import { base64, occurrenceOf } from '../attestations/statements.ts';
import { object as ratify } from '../config/world.ts';
import { type RunningProvider, startProvider } from '../e2e/provider.ts';
import { FakeApiServer } from '../fakes/api-server.ts';
import { type FakeRegistry, startFakeRegistry } from '../fakes/registry.ts';
import { until } from '../kube/world.ts';
import { ALLOWLIST, attestation, authority, KEY_ID, object, policy } from '../rules/kritis-world.ts';
import { OTHER_DIGEST, payloadBytes, DIGEST as SIGNED_DIGEST, REPOSITORY as SIGNED_REPOSITORY } from '../simplesigning/world.ts';

jest.setTimeout(60_000);

const PATH = '/ratify/gatekeeper/v1/verify';
const EVENTS = '/api/v1/events';
const BREAK_GLASS = 'kritis.grafeas.io%2Fbreakglass';

const dir = mkdtempSync(join(tmpdir(), 'countersign-serve-kritis-'));
const kept = join(dir, 'attestations');
let registry: FakeRegistry;
let provider: RunningProvider;
let digests: Readonly<Record<string, Digest>>;

const nameOf = (image: string): string => `${registry.host}/team/${image}`;
const byDigest = (image: string): string => `${nameOf(image)}@${digests[image]}`;

/** An occurrence of Grafeas about an image of the registry, in a file of its own. */
function keep(file: string, image: string, statement: Attestation, note = 'namespaces/demo-aa'): void {
  writeFileSync(join(kept, `${file}.json`), JSON.stringify(occurrenceOf(statement, `https://${byDigest(image)}`, note)));
}

const attest = (image: string, over: Parameters<typeof payloadBytes>[0] = {}): Attestation =>
  attestation({ payload: payloadBytes({ reference: nameOf(image), digest: digests[image], ...over }) });

const value = async (key: string) => {
  const { response } = await provider.ask(PATH, [key]);
  return { response, value: response.items?.[0]?.value };
};
/** `outcome CODE`, or why the image was left out. */
async function said(key: string): Promise<string> {
  const { response, value: found } = await value(key);
  return found === undefined ? `left out: ${response.systemError}` : `${found.outcome} ${found.reason.code}`;
}

interface Start {
  /** Settings of kritis, and others. */
  readonly kritis?: object;
  readonly others?: object;
  /** Declares everything in this cluster instead of a file. */
  readonly cluster?: FakeApiServer;
}

async function start(documents: string, { kritis = {}, others = {}, cluster }: Start = {}): Promise<void> {
  const config = join(dir, 'all.yaml');
  const settings = join(dir, 'settings.yaml');
  writeFileSync(config, documents);
  writeFileSync(settings, JSON.stringify({ kritis: { attestations: [{ type: 'directory', path: kept }], ...kritis }, ...others }));
  const how = ['--settings', settings];
  provider = await (cluster === undefined
    ? startProvider(config, how)
    : startProvider(undefined, [...how, '--kube'], { KUBECONFIG: cluster.kubeconfig }));
}

const STORE = ratify('Store', 'registry', { name: 'oras', parameters: { useHttp: true } });
const PGP_SIGNED = `${SIGNED_REPOSITORY}@${SIGNED_DIGEST}`;
/** Two authorities of another namespace, of which only one has attested anything. */
const NAMESAKES = authority({ namespace: 'both' }) + authority({ namespace: 'both', name: 'pgp', id: 'key-qa', note: 'namespaces/qa' });
const SEED = authority() + policy() + ALLOWLIST;

beforeAll(async () => {
  registry = await startFakeRegistry();
  const push = (image: string): Digest => registry.pushImage({ repository: `team/${image}`, name: image }).digest as Digest;
  digests = Object.fromEntries(['signed', 'unsigned', 'tampered', 'misread'].map((image) => [image, push(image)]));
  for (const [image, digest] of Object.entries(digests)) registry.push.tag(`team/${image}`, '1', digest);
});

afterAll(async () => {
  await registry.close();
  rmSync(dir, { recursive: true });
});

beforeEach(() => {
  mkdirSync(kept, { recursive: true });
  for (const file of readdirSync(kept)) rmSync(join(kept, file));
  keep('signed', 'signed', attest('signed'));
});

afterEach(async () => {
  expect(await provider.stop()).toBe(0);
});

describe("serve with kritis' objects in files", () => {
  it('answers A0.1 to A0.7 as the document says', async () => {
    await start(STORE + SEED);
    keep('tampered', 'tampered', attest('tampered', { digest: OTHER_DIGEST }));
    // A0.1
    const unsigned = await value(`[default]${byDigest('unsigned')}`);
    expect(unsigned.value).toMatchObject({
      isSuccess: false,
      outcome: 'refused',
      policy: 'GenericAttestationPolicy',
      reason: { code: 'NOT_ATTESTED' },
    });
    expect(unsigned.value.reason.message).toMatch(/team\/unsigned@sha256:[0-9a-f]{12} is not attested by demo-aa: lookup: /);
    // A0.2
    const signed = await value(`[default]${byDigest('signed')}`);
    expect(signed.value).toMatchObject({ isSuccess: true, outcome: 'accepted', digest: digests.signed });
    expect(signed.value.verifierReports).toHaveLength(1);
    expect(JSON.stringify(signed.value.verifierReports[0])).toContain(KEY_ID);
    expect(JSON.stringify(signed.value.verifierReports[0])).toContain('demo-aa');
    // A0.3
    const tagged = await value(`[default]${nameOf('signed')}:1`);
    expect(tagged.value).toMatchObject({ isSuccess: false, reason: { code: 'TAG_REFERENCE' } });
    expect(tagged.value.reason.message).toContain(`tag reference; use @${digests.signed}`);
    const pinned = await provider.ask('/ratify/gatekeeper/v1/mutate', [`${nameOf('signed')}:1`]);
    const [mutated] = pinned.response.items ?? [];
    expect(await said(`[default]${String(mutated?.value)}`)).toBe('accepted VERIFIED');
    // A0.4, A0.5
    expect(await said('[default]registry-vpc.cn-hangzhou.aliyuncs.com/acs/pause:3.2')).toBe('accepted ALLOWLISTED');
    expect(await said('[default]registry-vpc.cn-beijing.aliyuncs.com/arms-docker-repo/prom:1')).toBe('accepted ALLOWLISTED');
    // A0.6
    expect(await said(`[prod]${byDigest('unsigned')}`)).toBe('accepted NOT_COVERED');
    // A0.7
    expect(await said(`[default]${byDigest('tampered')}`)).toBe('refused PAYLOAD_DIGEST_MISMATCH');
    expect(await said(byDigest('signed'))).toMatch(/^left out: .*NAMESPACE_REQUIRED/);
  });

  it('A0.8 leaves an image out where its attestations cannot be read, and keeps nothing of that', async () => {
    await start(STORE + SEED);
    rmSync(kept, { recursive: true });
    const out = await said(`[default]${byDigest('signed')}`);
    expect(out).toMatch(/^left out: .*ATTESTATIONS_UNREACHABLE/);
    expect(out).not.toContain('not attested');
    const metrics = await (await fetch(`http://${provider.admin}/metrics`)).text();
    expect(metrics).toContain('countersign_records_total{event="FailedKritisAdmission"} 1');
    mkdirSync(kept);
    keep('signed', 'signed', attest('signed'));
    expect(await said(`[default]${byDigest('signed')}`)).toBe('accepted VERIFIED');
    writeFileSync(join(kept, 'misread.json'), '{');
    expect(await said(`[default]${byDigest('misread')}`)).toMatch(/^left out: .*ATTESTATIONS_INVALID/);
  });

  it('A0.9 A0.10 answers by several policies, authorities and keys', async () => {
    const folder = join(import.meta.dirname, '../fixtures/pgp');
    const { keys, fingerprints, messages } = JSON.parse(readFileSync(join(folder, 'material.json'), 'utf8'));
    const pgp = (name: string) => ({
      keyType: 'PGP',
      keyId: fingerprints[name],
      asciiArmoredPgpPublicKey: base64(Buffer.from(keys[name])),
    });
    const both = object('AttestationAuthority', 'pgp', { noteReference: 'projects/p/notes/n', publicKeys: [pgp('rsa'), pgp('ed')] });
    await start(STORE + SEED + both + policy(['pgp'], 'by-pgp') + policy(['demo-aa', 'pgp'], 'by-both', 'both') + NAMESAKES);
    for (const name of ['rsa', 'ed', 'subkey']) {
      const pgpSignedAttestation = { signature: messages[name], contentType: 'SIMPLE_SIGNING_JSON', pgpKeyId: fingerprints[name] };
      const occurrence = {
        name,
        resource: { uri: `https://${PGP_SIGNED}` },
        kind: 'ATTESTATION',
        attestation: { attestation: { pgpSignedAttestation } },
      };
      for (const file of readdirSync(kept)) rmSync(join(kept, file));
      writeFileSync(join(kept, 'pgp.json'), JSON.stringify(occurrence));
      // A tag beside the digest makes another question of it, so that no answer is a kept one.
      expect([name, await said(`[default]${PGP_SIGNED.replace('@', `:${name}@`)}`)]).toEqual([
        name,
        name === 'subkey' ? 'refused KEY_ID_MISMATCH' : 'accepted VERIFIED',
      ]);
    }
    keep('signed', 'signed', attest('signed'));
    expect(await said(`[default]${byDigest('signed')}`)).toBe('accepted VERIFIED');
    expect(await said(`[both]${byDigest('signed')}`)).toBe('refused NOT_ATTESTED');
  });

  it('A0.13 refuses at the next question what is not attested any more', async () => {
    await start(STORE + SEED, { others: { verdicts: { acceptedSeconds: 0 } } });
    expect(await said(`[default]${byDigest('signed')}`)).toBe('accepted VERIFIED');
    rmSync(join(kept, 'signed.json'));
    expect(await said(`[default]${byDigest('signed')}`)).toBe('refused NOT_ATTESTED');
  });

  it('A0.11 A0.14 tells of dry runs and of break-glass in the metrics and the log', async () => {
    await start(STORE + SEED, { kritis: { dryRun: true } });
    expect(await said(`[default]${byDigest('unsigned')}`)).toBe('accepted DRY_RUN');
    expect(await said(`[default?${BREAK_GLASS}=]${byDigest('unsigned')}`)).toBe('accepted BREAK_GLASS');
    const metrics = await (await fetch(`http://${provider.admin}/metrics`)).text();
    for (const event of ['DryRunKritisAdmission', 'BreakGlass']) {
      expect(metrics).toContain(`countersign_records_total{event="${event}"} 1`);
      expect(provider.log.some((line) => line.includes('"msg":"audit"') && line.includes(`"event":"${event}"`))).toBe(true);
    }
  });

  it('A0.15 answers by an ImageSecurityPolicy and vulnerabilities in files', async () => {
    await start(
      STORE +
        object('ImageSecurityPolicy', 'my-isp', {
          packageVulnerabilityRequirements: { maximumSeverity: 'MEDIUM', allowlistCVEs: ['projects/goog-vulnz/notes/CVE-2020-2'] },
        }),
    );
    const vulnerability = (id: string, image: string, severity: string) => ({
      name: `projects/p/occurrences/${id}`,
      resource: { uri: `https://${byDigest(image)}` },
      noteName: `projects/goog-vulnz/notes/${id}`,
      kind: 'VULNERABILITY',
      vulnerability: { severity, packageIssue: [{ fixedLocation: { version: { kind: 'NORMAL' } } }] },
    });
    const occurrences = [
      vulnerability('CVE-2020-1', 'unsigned', 'HIGH'),
      vulnerability('CVE-2020-1', 'signed', 'MEDIUM'),
      vulnerability('CVE-2020-2', 'signed', 'CRITICAL'),
    ];
    writeFileSync(join(kept, 'vulnerabilities.json'), JSON.stringify({ occurrences }));
    expect(await said(`[default]${byDigest('unsigned')}`)).toBe('refused VULNERABILITY_FOUND');
    expect(await said(`[default]${byDigest('signed')}`)).toBe('accepted VERIFIED');
    expect(await said(`[default]${byDigest('tampered')}`)).toBe('accepted NOT_SCANNED');
  });

  it('names a setting of kritis that there is not, and does not start', async () => {
    await expect(start(STORE + SEED, { kritis: { dryrun: true } })).rejects.toThrow(/kritis/);
    await start(STORE + SEED);
    expect(await said(`[default]${byDigest('signed')}`)).toBe('accepted VERIFIED');
  });
});

describe("serve --kube with kritis' objects", () => {
  let server: FakeApiServer;

  beforeEach(async () => {
    server = await FakeApiServer.start();
  });

  afterEach(async () => {
    await server.dispose();
  });

  const put = (yaml: string) => {
    for (const document of parseAllDocuments(yaml)) {
      const resource = document.toJS() as { kind: string } | null;
      const kind = OBJECT_KINDS.find((one) => one.kind === resource?.kind);
      if (resource !== null && kind !== undefined) server.put(`/apis/${kind.group}/${kind.versions[0]}/${kind.plural}`, { ...resource });
    }
  };
  const events = () =>
    server.seen
      .filter(({ method, path }) => method === 'POST' && path === '/api/v1/namespaces/kube-system/events')
      .map(({ body }) => body as { reason: string; message: string; metadata: { name: string } });

  it('A0.11 answers by them, writes their status, and an event for each denial', async () => {
    put(STORE + SEED);
    await start('', { cluster: server });
    expect(await said(`[default]${byDigest('signed')}`)).toBe('accepted VERIFIED');
    expect(await said(`[default]${byDigest('unsigned')}`)).toBe('refused NOT_ATTESTED');
    const status = () => server.get('/apis/kritis.grafeas.io/v1beta1/attestationauthorities', 'demo-aa', 'default')?.status;
    await until('the status of the authority', () => status() !== undefined);
    expect(status()).toMatchObject({ issuccess: true });
    await until('the event', () => events().length > 0);
    expect(events()).toMatchObject([{ reason: 'FailedKritisAdmission', message: expect.stringContaining('is not attested by demo-aa') }]);
    expect(server.get(EVENTS, String(events()[0]?.metadata.name), 'kube-system')).toMatchObject({ count: 1 });
  });

  it('A0.11 writes an event for each denial that a dry run lets pass', async () => {
    put(STORE + SEED);
    await start('', { kritis: { dryRun: true }, cluster: server });
    expect(await said(`[default]${byDigest('unsigned')}`)).toBe('accepted DRY_RUN');
    await until('the event', () => events().length > 0);
    expect(events()).toMatchObject([{ reason: 'DryRunKritisAdmission' }]);
  });
});

it('has the definitions of all of the kinds in the folder crds', () => {
  const plurals = OBJECT_KINDS.filter(({ group }) => group === 'kritis.grafeas.io').map(({ plural }) => plural);
  expect(plurals.sort()).toEqual(['admissionallowlists', 'attestationauthorities', 'genericattestationpolicies', 'imagesecuritypolicies']);
  for (const plural of plurals) expect(existsSync(join(import.meta.dirname, `../../crds/kritis.grafeas.io_${plural}.yaml`))).toBe(true);
  expect(readFileSync(join(import.meta.dirname, '../../crds/kritis.grafeas.io_admissionallowlists.yaml'), 'utf8')).toContain(
    'scope: Cluster',
  );
});
