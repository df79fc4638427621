// @rig olareg, registry, notation, helm, cluster, gatekeeper
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createHelm, type Helm } from '../helm/helm.ts';
import { allowSecrets } from '../kube/rig.ts';
import { pki } from '../pki.ts';
import { ensureTools } from '../rig/build.ts';
import { GATEKEEPER_NAMESPACE } from '../rig/cluster/certificates.ts';
import { admitted, type KubeObject, targetOf } from '../rig/cluster/kube-client.ts';
import { type Image, tinyImage, tinyIndex } from '../rig/images.ts';
import { createNotation, type Notation } from '../rig/notation.ts';
import { RIG_LOGIN, type RunningRegistry, startDistribution } from '../rig/registries.ts';
import { registryClient } from '../rig/registry-client.ts';
import { eventually } from '../rig/wait.ts';
import { createNamespaces, pod } from '../rig/workloads.ts';
import { startWorld, type World } from '../rig/world.ts';
import { signCose, signJws } from '../sign.ts';
import { type Asked, asDocumented, askIn, DOCUMENTED } from './asked.ts';
import { constraint, readObjects } from './policies.ts';
import { keyOf, kmsCertificate, SEED, type SeedChange, seedWith, signatureOf } from './seeds.ts';

const BUILD_WITHIN_MS = 40 * 60_000;
const KIND = 'CountersignVerifiedImages';
const PROVIDER = { provider: 'countersign-provider' };
const GROUP = 'config.ratify.deislabs.io';
const ACCEPTED_SECONDS = 5;
const FRESHNESS_SECONDS = 2;
const MANY = { signatures: 250, inEachPod: 10, pushedAtOnce: 25 };

interface Constraint extends KubeObject {
  readonly status?: { readonly violations?: readonly { readonly name: string; readonly message: string }[] };
}

interface CertificateStore extends KubeObject {
  readonly status?: { readonly issuccess?: boolean; readonly properties?: { readonly Certificates: readonly object[] } };
}

describe('what the pages of AKS and ACK declare, in a cluster', () => {
  let folder: string;
  let world: World;
  let notation: Notation;
  let helm: Helm;
  let asked: Asked;
  let closed: RunningRegistry;
  const owner = pki.root({
    subject: [
      ['C', 'US'],
      ['ST', 'WA'],
      ['O', 'Ratify'],
      ['CN', 'Ratify Local'],
    ],
  });
  const signer = owner.leaf({
    key: 'RSA-2048',
    subject: [
      ['C', 'US'],
      ['ST', 'WA'],
      ['O', 'Ratify'],
      ['CN', 'signer'],
    ],
  });

  beforeAll(async () => {
    const bin = await ensureTools(['registry', 'notation', 'helm']);
    folder = mkdtempSync(join(tmpdir(), 'countersign-aks-and-ack-'));
    const settings = join(folder, 'settings.yaml');
    writeFileSync(settings, `verdicts: { acceptedSeconds: ${ACCEPTED_SECONDS} }\nfreshnessSeconds: ${FRESHNESS_SECONDS}\n`);
    notation = await createNotation({ bin: bin.notation });
    helm = createHelm(bin.helm);
    closed = await startDistribution({ bin: bin.registry, dir: join(folder, 'registry'), auth: true });
    world = await startWorld({
      declared: 'cluster',
      productFlags: ['--plain-http', '--settings', settings],
      gatekeeper: { responseCacheTtl: '0', flags: ['--max-serving-threads=100'] },
    });
    asked = askIn(world, notation);
    const { cluster, images, declare } = world;
    await createNamespaces(cluster.client, 'shop', 'audited', 'team-a', 'team-b');
    for (const object of images.trust) admitted(await cluster.client.delete(targetOf(object)));
    const [shipped] = readObjects('policies/verified-images/constraint.yaml');
    const { match, ...spec } = Object(shipped?.spec);
    const excludedNamespaces = [...match.excludedNamespaces, 'audited'];
    await declare(...readObjects('policies/verified-images/template.yaml'), {
      ...(shipped as KubeObject),
      spec: { ...spec, match: { ...match, excludedNamespaces } },
    });
  }, BUILD_WITHIN_MS);

  afterAll(async () => {
    await world?.stop();
    await Promise.all([closed?.stop(), notation?.dispose()]);
    helm?.dispose();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  const apply = async (yaml: string, ...flags: readonly string[]): Promise<void> => {
    const file = join(folder, 'applied.yaml');
    writeFileSync(file, yaml);
    expect(await world.cluster.kubectl('apply', '-f', file, ...flags)).toMatchObject({ code: 0, stderr: '' });
  };

  describe('Image Integrity of AKS', () => {
    const applySeed = (change: Partial<SeedChange> = {}) => apply(seedWith({ pem: owner.pem, ...change }), '-n', GATEKEEPER_NAMESPACE);
    const certstore = {
      apiVersion: `${GROUP}/v1beta1`,
      kind: 'CertificateStore',
      namespace: GATEKEEPER_NAMESPACE,
      name: 'certstore-inline',
    };

    it('A1.3 is applied as it is written, and says where the CertificateStore has to be when it is elsewhere', async () => {
      const reference = await asked.pushSigned('aks:first', signer);
      const nothing = await asked.denies(`misconfigured NO_STORE containers[c0] ${reference}: `, reference);
      expect(DOCUMENTED).toContain(asDocumented(nothing));
      await apply(SEED);
      await asked.denies(`misconfigured KEY_PROVIDER_MISSING containers[c0] ${reference}: `, reference);
      const { stdout } = await world.cluster.kubectl('describe', 'verifier', 'verifier-notary-inline');
      expect(stdout).toContain('or a CertificateStore certstore-inline in namespace gatekeeper-system');
      await apply(SEED, '-n', GATEKEEPER_NAMESPACE);
      await asked.denies(`refused SIGNER_UNTRUSTED containers[c0] ${reference}: `, reference);
      const described = await eventually('a note', async () => {
        const told = await world.cluster.kubectl('describe', 'certstore', 'certstore-inline', '-n', GATEKEEPER_NAMESPACE);
        return told.stdout.includes('KeyManagementProvider') ? told.stdout : undefined;
      });
      expect(described.replace(/\s+/g, ' ')).toContain('CertificateStore is deprecated; KeyManagementProvider holds the same certificates');
    });

    it('A1.4 shows the end of the certificate on the page', async () => {
      const status = (await world.cluster.client.get<CertificateStore>(certstore))?.status;
      expect(status).toMatchObject({ issuccess: true, properties: { Certificates: [{ NotAfter: '2033-06-26T05:28:32Z' }] } });
    });

    it.each(['jws', 'cose'] as const)('A1.1 admits by tag what notation signed: %s', async (format) => {
      await applySeed();
      await asked.admits(await asked.pushSigned(`aks:${format}`, signer, format));
    });

    it('A1.2 denies an unsigned image, or admits it where the constraint only audits and lists it with the reason', async () => {
      const reference = await asked.push('aks:unsigned');
      const message = await asked.denies(`refused NO_SIGNATURES containers[c0] ${reference}: `, reference);
      const away = await asked.denies('unavailable REGISTRY_UNREACHABLE ', '127.0.0.1:9/app:away');
      for (const shown of [message, away]) expect(DOCUMENTED).toContain(asDocumented(shown));
      await world.declare(constraint({ kind: KIND, name: 'audited', namespaces: ['audited'], action: 'dryrun', parameters: PROVIDER }));
      const { client } = world.cluster;
      expect(await client.create(pod('audited', 'unsigned', reference))).toMatchObject({ admitted: true, warnings: [] });
      const target = { apiVersion: 'constraints.gatekeeper.sh/v1beta1', kind: KIND, name: 'audited' };
      const [violation] = await eventually('audited', async () => (await client.get<Constraint>(target))?.status?.violations);
      expect(violation).toMatchObject({
        name: 'unsigned',
        message: expect.stringContaining(`refused NO_SIGNATURES containers[c0] ${reference}: `),
      });
    });

    it.each([
      ['strict', 'refused CERTIFICATE_EXPIRED'],
      ['permissive', undefined],
      ['audit', undefined],
      ['skip', undefined],
    ])('A1.5 with a leaf that has expired, at level %s', async (level, refusal) => {
      const expired = owner.leaf({ notBefore: new Date('2024-01-01T00:00:00Z'), notAfter: new Date('2025-01-01T00:00:00Z') });
      const time = new Date('2024-06-01T00:00:00Z');
      const reference = await asked.attach(`aks:expired-${level}`, ({ descriptor }) =>
        signJws({ signer: expired, subject: descriptor, time }),
      );
      await applySeed({ level });
      if (refusal === undefined) await asked.admits(reference);
      else await asked.denies(`${refusal} containers[c0] ${reference}: `, reference);
    });

    it('A1.6 denies another identity and a scope that does not cover, for two reasons', async () => {
      const reference = await asked.pushSigned('aks:identity', signer);
      await applySeed({ identities: ['x509.subject: C=US, ST=WA, O=Another'] });
      await asked.denies('refused IDENTITY_UNTRUSTED ', reference);
      await applySeed({ scopes: ['registry.example.test/app'] });
      await asked.denies('refused NO_APPLICABLE_POLICY ', reference);
      await applySeed();
      await asked.admits(reference);
    });

    it('A1.7 admits by a store that holds a self-signed leaf, which is the signer, and nobody else', async () => {
      const self = pki.selfSigned();
      const below = pki.selfSigned().leaf();
      const own = await asked.attach('aks:self-signed', ({ descriptor }) => signJws({ signer: self, subject: descriptor }));
      const other = await asked.attach('aks:below-a-leaf', ({ descriptor }) => signJws({ signer: below, subject: descriptor }));
      await applySeed({ pem: self.pem });
      await asked.admits(own);
      await asked.denies('refused ', other);
    });

    it('A1.9 admits images with 250 different signatures, asked for at once', async () => {
      const root = pki.root();
      await applySeed({ pem: root.pem });
      const references: string[] = [];
      for (let at = 0; at < MANY.signatures; at += MANY.pushedAtOnce) {
        const names = Array.from({ length: MANY.pushedAtOnce }, (_, index) => `many:n${at + index}`);
        const envelope = ({ descriptor }: Image) => signJws({ signer: root.leaf(), subject: descriptor });
        references.push(...(await Promise.all(names.map((name) => asked.attach(name, envelope)))));
      }
      const pods = Array.from({ length: MANY.signatures / MANY.inEachPod }, (_, index) =>
        references.slice(index * MANY.inEachPod, (index + 1) * MANY.inEachPod),
      );
      const before = world.product.residentMiB();
      const startedAt = performance.now();
      const rounds: number[] = [];
      await eventually('admitted', async () => {
        const answers = await Promise.all(pods.map((images) => asked.create('shop', ...images)));
        for (const { message } of answers) expect(message).not.toContain('refused');
        rounds.push(answers.filter(({ admitted: ok }) => ok).length);
        return rounds.at(-1) === pods.length || undefined;
      });
      const after = world.product.residentMiB();
      process.stderr.write(
        `250 signatures at once: ${rounds.join(', ')} of ${pods.length} Pods admitted in ${(performance.now() - startedAt).toFixed(0)} ms; ${before.toFixed(0)} MiB resident before, ${after.toFixed(0)} after\n`,
      );
      expect(after).toBeLessThan(400);
    });
  });

  describe('Ratify on ACK', () => {
    const kms = kmsCertificate('RSA-2048');
    const renewed = kmsCertificate('RSA-2048');
    const elliptic = kmsCertificate('EC-256');
    const imported = pki.root({
      subject: [
        ['C', 'CN'],
        ['O', 'Imported'],
        ['CN', 'root'],
      ],
    });
    const chained = imported.intermediate().leaf();
    let store: KubeObject;

    beforeAll(async () => {
      await world.cluster.kubectl('delete', 'countersign', '--all', '-A', '--wait=false');
      const rendered = await helm.render({ values: { oras: { useHttp: true }, notationCerts: [kms.pem, elliptic.pem, imported.pem] } });
      const declared = rendered.filter(({ apiVersion }) => apiVersion.startsWith(GROUP));
      expect(declared.find(({ kind }) => kind === 'Verifier')?.spec.parameters.trustPolicyDoc.trustPolicies).toMatchObject([
        { signatureVerification: { level: 'strict' } },
      ]);
      for (const object of declared) admitted(await world.cluster.client.apply(object));
      store = declared.find(({ kind }) => kind === 'Store') as KubeObject;
    });

    const applyStore = async (authProvider: object) => {
      const spec = { name: 'oras', parameters: { useHttp: true, authProvider } };
      admitted(await world.cluster.client.apply({ ...store, spec }));
    };
    const loginOf = (password: string) => {
      const auth = Buffer.from(`${RIG_LOGIN.username}:${password}`).toString('base64');
      return JSON.stringify({ auths: { [closed.host]: { auth } } });
    };
    const pushClosed = async (name: string): Promise<string> => {
      const reference = `${closed.host}/private/${name}:1`;
      await registryClient(closed.host, RIG_LOGIN).push(`private/${name}`, tinyImage(name), '1');
      await notation.sign({ reference, key: keyOf(kms), format: 'jws', plainHttp: true, login: RIG_LOGIN });
      return reference;
    };
    const pullSecret = (password: string): KubeObject => ({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'acr', namespace: GATEKEEPER_NAMESPACE },
      type: 'kubernetes.io/dockerconfigjson',
      data: { '.dockerconfigjson': Buffer.from(loginOf(password)).toString('base64') },
    });

    it('A4.1 admits by a certificate as the plugin writes it: self-signed, for signatures alone, no authority', async () => {
      await asked.admits(await asked.pushSigned('ack:kms', kms));
    });

    it('A4.6 admits an image that was signed again with another certificate: if one is trusted by `any`, not by `all`', async () => {
      const reference = await asked.pushSigned('ack:twice', renewed);
      await asked.denies('refused SIGNER_UNTRUSTED ', reference);
      await asked.sign(reference, kms);
      const { client } = world.cluster;
      const target = { apiVersion: `${GROUP}/v1beta1`, kind: 'Policy', name: 'ratify-policy' };
      const demand = async (many: 'any' | 'all') =>
        admitted(await client.patch(target, { spec: { parameters: { artifactVerificationPolicies: { default: many } } } }));
      await demand('any');
      await asked.admits(reference);
      await demand('all');
      await asked.denies('refused SIGNER_UNTRUSTED ', reference);
    });

    it('A4.5 reads a private registry by the login in a file of docker’s, and by a new one without a restart', async () => {
      const configPath = join(folder, 'config.json');
      const reference = await pushClosed('by-file');
      writeFileSync(configPath, loginOf('outdated'));
      await applyStore({ name: 'dockerConfig', configPath });
      await asked.denies(`unavailable REGISTRY_DENIED containers[c0] ${reference}: `, reference);
      writeFileSync(configPath, loginOf(RIG_LOGIN.password));
      await asked.admits(reference);
    });

    it('A4.5 reads it by a pull secret, as soon as there is one that may be read', async () => {
      const reference = await pushClosed('by-secret');
      await applyStore({ name: 'k8Secrets', secrets: [{ secretName: 'acr' }] });
      await asked.denies(`unavailable CREDENTIALS_INVALID containers[c0] ${reference}: `, reference);
      admitted(await world.cluster.client.apply(pullSecret('outdated')));
      await allowSecrets(world.cluster, GATEKEEPER_NAMESPACE, GATEKEEPER_NAMESPACE);
      await asked.denies(`unavailable REGISTRY_DENIED containers[c0] ${reference}: `, reference);
      admitted(await world.cluster.client.apply(pullSecret(RIG_LOGIN.password)));
    });

    it.each(['jws', 'cose'] as const)('A4.7 admits a signature by EC_P256: %s', async (format) => {
      await asked.admits(await asked.pushSigned(`ack:ec-${format}`, elliptic, format));
      await asked.admits(await asked.pushSigned(`ack:ec-chain-${format}`, chained, format));
    });

    it('A4.8 admits by the root of a chain, and denies for a chain that lacks its intermediate', async () => {
      await asked.admits(await asked.pushSigned('ack:chain', chained));
      const lacking = [chained.chain[0], chained.chain[2]].map((certificate) => certificate ?? new Uint8Array());
      for (const [name, chain] of [
        ['leaf-and-root', lacking],
        ['leaf', lacking.slice(0, 1)],
      ] as const)
        for (const [format, envelope] of [
          ['jose+json', signJws],
          ['cose', signCose],
        ] as const) {
          const reference = await asked.attach(
            `ack:${name}-${format.slice(0, 4)}`,
            ({ descriptor }) => envelope({ signer: chained, subject: descriptor, chain }),
            `application/${format}`,
          );
          const message = await asked.denies('refused ', reference);
          expect(message).toMatch(/refused (?:CERTIFICATE_CHAIN_INVALID|SIGNER_UNTRUSTED) /);
        }
    });

    it('A4.9 denies an image whose signature was removed, once the product and Gatekeeper have let go of the verdict', async () => {
      const image = tinyImage('ack removed');
      const signature = signatureOf(image, signJws({ signer: chained, subject: image.descriptor }));
      const reference = await asked.push('ack:removed', image);
      const byDigest = `${reference}@${image.descriptor.digest}`;
      await asked.push('ack', signature);
      await world.gatekeeper.restart({ responseCacheTtl: '3s' });
      await asked.admits(reference, byDigest);
      const removedAt = performance.now();
      await registryClient(world.images.host).deleteManifest('ack', signature.descriptor.digest);
      await asked.denies(`refused NO_SIGNATURES containers[c0] ${reference}: `, reference);
      await asked.denies('refused NO_SIGNATURES ', byDigest);
      const tookMs = performance.now() - removedAt;
      process.stderr.write(`a signature that was removed was missed after ${tookMs.toFixed(0)} ms\n`);
      expect(tookMs).toBeLessThan((ACCEPTED_SECONDS + FRESHNESS_SECONDS + 2 * 3 + 5) * 1000);
    });

    it('A4.10 judges what is named: a signed index says nothing of a platform by its own digest, and the other way round', async () => {
      const { host } = world.images;
      const index = tinyIndex('multi');
      const [leaf, other] = index.children.map(({ descriptor }) => `${host}/multi@${descriptor.digest}`);
      const byTag = await asked.push('multi:index', index);
      await asked.sign(`${host}/multi@${index.descriptor.digest}`, kms);
      await asked.admits(byTag, `${byTag}@${index.descriptor.digest}`);
      await asked.denies(`refused NO_SIGNATURES containers[c0] ${leaf?.slice(0, -52)}: `, leaf ?? '');
      await asked.sign(leaf ?? '', kms);
      await asked.admits(leaf ?? '');
      await asked.denies('refused NO_SIGNATURES ', other ?? '');

      const leavesAlone = tinyIndex('leaves');
      const unsigned = await asked.push('multi:leaves', leavesAlone);
      const leaves = leavesAlone.children.map(({ descriptor }) => `${host}/multi@${descriptor.digest}`);
      for (const one of leaves) await asked.sign(one, kms);
      await asked.admits(...leaves);
      await asked.denies(`refused NO_SIGNATURES containers[c0] ${unsigned}: `, unsigned);
    });

    it('A4.5 reads it by what was put into the pull secret since, without a restart', async () => {
      await asked.admits(`${closed.host}/private/by-secret:1`);
    });

    it('A4.4 uses in a namespace what that declares, and elsewhere what the cluster does, for one image at one time', async () => {
      const { client } = world.cluster;
      const reference = await asked.pushSigned('ack:tenants', kms);
      const inTeam = (object: KubeObject, kind: string, spec: unknown): KubeObject => ({
        ...object,
        kind,
        metadata: { name: object.metadata.name ?? '', namespace: 'team-a' },
        spec,
      });
      const verifier = (await client.list({ apiVersion: `${GROUP}/v1beta1`, kind: 'Verifier' }))[0] as KubeObject;
      const { parameters, ...spec } = Object(verifier.spec);
      const certificate = { type: 'inline', parameters: { contentType: 'certificate', value: renewed.pem } };
      const keys = { apiVersion: verifier.apiVersion, kind: 'KeyManagementProvider', metadata: { name: 'own' } };
      const own = { ...spec, parameters: { ...parameters, verificationCertStores: { ca: { certs: ['team-a/own'] } } } };
      const { apiVersion } = verifier;
      for (const object of [
        inTeam(keys, 'NamespacedKeyManagementProvider', certificate),
        inTeam({ apiVersion, kind: 'Verifier', metadata: verifier.metadata }, 'NamespacedVerifier', own),
      ])
        admitted(await client.apply(object));
      await eventually('its own', async () => !(await asked.create('team-a', reference)).admitted || undefined);
      const [theirs, others] = await Promise.all([asked.create('team-a', reference), asked.create('team-b', reference)]);
      expect(theirs.message).toContain(`[verified-images] refused SIGNER_UNTRUSTED containers[c0] ${reference}: `);
      expect(others).toMatchObject({ admitted: true, message: '' });
    });
  });
});
