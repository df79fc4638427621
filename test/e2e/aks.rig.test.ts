// @rig olareg, registry, notation
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Authority, createAuthority } from '../fixtures/demo-certificates.ts';
import { pki } from '../pki.ts';
import { ensureTools } from '../rig/build.ts';
import { type Image, tinyImage, tinyIndex } from '../rig/images.ts';
import { createNotation, type Notation, type SigningKey } from '../rig/notation.ts';
import { type RunningRegistry, startDistribution, startOlareg } from '../rig/registries.ts';
import { registryClient } from '../rig/registry-client.ts';
import { signJws } from '../sign.ts';
import { type RunningProvider, startProvider } from './provider.ts';
import { SEED, type SeedChange, seedWith, signatureOf } from './seeds.ts';

const VERIFY = '/ratify/gatekeeper/v1/verify';
const OWNER = 'C=US, ST=WA, O=Ratify';
const BUILD_WITHIN_MS = 30 * 60_000;

describe('AKS Image Integrity, the seed served as it is (peers.md A1)', () => {
  let dir: string;
  let registries: Record<'olareg' | 'distribution', RunningRegistry>;
  let notation: Notation;
  let owner: Authority;
  let signer: SigningKey;
  let provider: RunningProvider;
  const running: { stop(): Promise<unknown> }[] = [];

  const serve = async (change: SeedChange): Promise<RunningProvider> => {
    const path = join(mkdtempSync(join(dir, 'config-')), 'verify-config.yaml');
    writeFileSync(path, seedWith(change));
    const started = await startProvider(path, ['--plain-http']);
    running.push(started);
    return started;
  };

  beforeAll(async () => {
    const tools = await ensureTools(['olareg', 'registry', 'notation']);
    dir = mkdtempSync(join(tmpdir(), 'countersign-aks-'));
    registries = {
      olareg: await startOlareg({ bin: tools.olareg }),
      distribution: await startDistribution({ bin: tools.registry, dir: join(dir, 'registry') }),
    };
    notation = await createNotation({ bin: tools.notation });
    owner = await createAuthority(`${OWNER}, CN=Ratify Local`);
    signer = await owner.issue('rsa', `${OWNER}, CN=signer`);
    provider = await serve({ pem: owner.rootPem });
  }, BUILD_WITHIN_MS);

  afterAll(async () => {
    await Promise.all(running.map((one) => one.stop()));
    await Promise.all([registries?.olareg.stop(), registries?.distribution.stop(), notation?.dispose()]);
    if (dir !== undefined) rmSync(dir, { recursive: true, force: true });
  });

  const push = async (registry: keyof typeof registries, tag: string, image: Image): Promise<string> => {
    const { host } = registries[registry];
    await registryClient(host).push('deislabs/ratify/notary-image', image, tag);
    return `${host}/deislabs/ratify/notary-image:${tag}`;
  };

  const pushSigned = async (
    registry: keyof typeof registries,
    tag: string,
    format: 'jws' | 'cose',
    image: Image,
    key = signer,
  ): Promise<string> => {
    const reference = await push(registry, tag, image);
    await notation.sign({ reference, key, format, forceReferrersTag: registry === 'distribution', plainHttp: true });
    return reference;
  };

  it.each([
    ['olareg', 'jws', 'image'],
    ['olareg', 'cose', 'image'],
    ['olareg', 'jws', 'index'],
    ['olareg', 'cose', 'index'],
    ['distribution', 'jws', 'image'],
    ['distribution', 'cose', 'image'],
    ['distribution', 'jws', 'index'],
    ['distribution', 'cose', 'index'],
  ] as const)('A1.1 accepts by tag, from %s, a %s signature over an %s', async (registry, format, what) => {
    const label = `signed-${format}-${what}`;
    const image = what === 'image' ? tinyImage(label) : tinyIndex(label);
    const reference = await pushSigned(registry, label, format, image);

    const answer = await provider.ask(VERIFY, [reference]);

    expect(answer.response.systemError ?? '').toBe('');
    expect(answer.response.items).toMatchObject([
      {
        key: reference,
        value: {
          isSuccess: true,
          outcome: 'accepted',
          digest: image.descriptor.digest,
          verifierReports: [
            {
              verifierName: 'verifier-notary-inline',
              artifactType: 'application/vnd.cncf.notary.signature',
              isSuccess: true,
              extensions: { SN: expect.stringContaining('CN=signer') },
            },
          ],
        },
      },
    ]);
  });

  it.each(['olareg', 'distribution'] as const)('A1.2 refuses an unsigned image of %s with the reason', async (registry) => {
    const reference = await push(registry, 'unsigned', tinyImage('unsigned'));
    const { response } = await provider.ask(VERIFY, [reference]);
    expect(response.items).toMatchObject([
      { key: reference, value: { isSuccess: false, outcome: 'refused', reason: { code: 'NO_SIGNATURES' } } },
    ]);
  });

  it.each(['olareg', 'distribution'] as const)('refuses an image of %s that somebody else signed', async (registry) => {
    const stranger = await createAuthority('C=US, ST=WA, O=Stranger, CN=root');
    const key = await stranger.issue('ec', 'C=US, ST=WA, O=Stranger, CN=signer');
    const reference = await pushSigned(registry, 'foreign', 'cose', tinyImage('foreign'), key);
    const { response } = await provider.ask(VERIFY, [reference]);
    expect(response.items).toMatchObject([{ value: { isSuccess: false, outcome: 'refused', reason: { code: 'SIGNER_UNTRUSTED' } } }]);
  });

  it.each([
    ['strict', 'refused', 'CERTIFICATE_EXPIRED'],
    ['permissive', 'accepted', 'VERIFIED'],
    ['audit', 'accepted', 'VERIFIED'],
    ['skip', 'accepted', 'SKIPPED'],
  ])('A1.5 at level %s an expired leaf is %s', async (level, outcome, code) => {
    const root = pki.root();
    const expired = root.leaf({ notBefore: new Date('2024-01-01T00:00:00Z'), notAfter: new Date('2025-01-01T00:00:00Z') });
    const image = tinyImage(`expired at ${level}`);
    const reference = await push('olareg', `expired-${level}`, image);
    const signature = signatureOf(image, signJws({ signer: expired, subject: image.descriptor, time: new Date('2024-06-01T00:00:00Z') }));
    await registryClient(registries.olareg.host).push('deislabs/ratify/notary-image', signature);
    const atLevel = await serve({ pem: root.pem, level });

    const { response } = await atLevel.ask(VERIFY, [reference]);

    expect(response.items).toMatchObject([{ value: { isSuccess: outcome === 'accepted', outcome, reason: { code } } }]);
    const [report] = response.items?.[0]?.value.verifierReports ?? [];
    const logged = report.trace.filter((step: { action: string; error: string | null }) => step.action === 'log' && step.error !== null);
    expect(logged.length > 0).toBe(level === 'permissive' || level === 'audit');
  });

  it('A1.6 refuses another identity and an uncovered scope with two different reasons', async () => {
    const reference = await pushSigned('olareg', 'identity', 'jws', tinyImage('identity'));
    const otherIdentity = await serve({ pem: owner.rootPem, identities: ['x509.subject: C=US, ST=WA, O=Another'] });
    const otherScope = await serve({ pem: owner.rootPem, scopes: ['registry.example.test/app'] });

    const identity = await otherIdentity.ask(VERIFY, [reference]);
    const scope = await otherScope.ask(VERIFY, [reference]);

    expect(identity.response.items).toMatchObject([{ value: { outcome: 'refused', reason: { code: 'IDENTITY_UNTRUSTED' } } }]);
    expect(scope.response.items).toMatchObject([{ value: { outcome: 'refused', reason: { code: 'NO_APPLICABLE_POLICY' } } }]);
  });

  it('A1.3 and A1.4 serve the file as it stands, its own certificate included, and refuse what that did not sign', async () => {
    const path = join(dir, 'as-it-stands.yaml');
    writeFileSync(path, SEED);
    const asItStands = await startProvider(path, ['--plain-http']);
    running.push(asItStands);
    const reference = await pushSigned('olareg', 'as-it-stands', 'jws', tinyImage('as it stands'));

    const { response } = await asItStands.ask(VERIFY, [reference]);

    expect(response.items).toMatchObject([{ value: { isSuccess: false, reason: { code: 'SIGNER_UNTRUSTED' } } }]);
    expect(asItStands.log.join('\n')).toContain('KeyManagementProvider');
  });

  it('pins a tag on /mutate and keeps it', async () => {
    const image = tinyImage('pinned');
    const reference = await push('olareg', 'pinned', image);
    const { response } = await provider.ask('/ratify/gatekeeper/v1/mutate', [reference]);
    expect(response).toMatchObject({ idempotent: true, items: [{ key: reference, value: `${reference}@${image.descriptor.digest}` }] });
  });
});
