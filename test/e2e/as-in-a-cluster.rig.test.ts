// @rig olareg, notation, cluster, gatekeeper
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { pki } from '../pki.ts';
import { GATEKEEPER_NAME } from '../rig/cluster/certificates.ts';
import { admitted, type KubeObject, targetOf } from '../rig/cluster/kube-client.ts';
import { tinyImage } from '../rig/images.ts';
import { registryClient } from '../rig/registry-client.ts';
import type { PushedImage } from '../rig/signed-images.ts';
import { eventually } from '../rig/wait.ts';
import { createNamespaces, deployment, pod } from '../rig/workloads.ts';
import { startWorld, type World } from '../rig/world.ts';
import { signJws } from '../sign.ts';
import { constraint, readObjects } from './policies.ts';
import { signatureOf } from './seeds.ts';
import { FORBIDDEN, OF_PRIVATE_KEY, permissive, tenantObject } from './tenants.ts';

const BUILD_WITHIN_MS = 40 * 60_000;
const KIND = 'CountersignVerifiedImages';
const TEAMS = ['team-a', 'team-b', 'team-c'];
const AUDITED = { pods: 200, images: 50, atOnce: 4 };

interface Constraint extends KubeObject {
  readonly status?: {
    readonly auditTimestamp?: string;
    readonly totalViolations?: number;
    readonly violations?: readonly { readonly name: string; readonly message: string }[];
  };
}

interface Declared extends KubeObject {
  readonly status?: { readonly issuccess?: boolean; readonly error?: string };
}

describe('Gatekeeper with certificates of its own, its audit apart', () => {
  let folder: string;
  let world: World;
  let signed: PushedImage;
  let unsigned: PushedImage;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'countersign-as-in-a-cluster-'));
    const settings = join(folder, 'settings.yaml');
    writeFileSync(settings, 'tenancy: { floor: true }\n');
    world = await startWorld({
      declared: 'cluster',
      productFlags: ['--settings', settings],
      gatekeeper: { certificate: 'gatekeeper', separateAudit: true },
    });
    const { images, cluster, declare } = world;
    signed = await images.pushSigned('app:signed');
    unsigned = await images.push('app:unsigned');
    await createNamespaces(cluster.client, 'enforced', 'pinned', 'crowded', ...TEAMS);
    const parameters = { provider: 'countersign-provider' };
    await declare(
      ...readObjects('policies/verified-images/template.yaml'),
      constraint({ kind: KIND, name: 'enforced', namespaces: ['enforced', 'pinned', ...TEAMS], parameters }),
      constraint({ kind: KIND, name: 'crowded', namespaces: ['crowded'], action: 'dryrun', parameters }),
      ...['pods', 'ephemeral-containers'].flatMap((file) => readObjects(`policies/pin-digests/${file}.yaml`)).map(inNamespace('pinned')),
    );
  }, BUILD_WITHIN_MS);

  afterAll(async () => {
    await world?.stop();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  const create = (namespace: string, name: string, ...images: readonly string[]) =>
    world.cluster.client.create(pod(namespace, name, ...images), { dryRun: true });

  /** One after the other: Gatekeeper serves as many at once as there are processors. */
  const createAll = async (pods: readonly KubeObject[]) => {
    for (const one of pods) admitted(await world.cluster.client.create(one));
  };

  it('26: the certificate that Gatekeeper makes itself is accepted by the product', async () => {
    const authority = new X509Certificate(world.gatekeeper.ca);
    const certificate = new X509Certificate(readFileSync(join(world.gatekeeper.certificates, 'tls.crt')));
    expect({ serial: authority.serialNumber, subject: authority.subject }).toEqual({
      serial: '0',
      subject: 'O=gatekeeper\nCN=gatekeeper-ca',
    });
    expect(certificate.subjectAltName).toBe(`DNS:${GATEKEEPER_NAME}`);
    expect(await create('enforced', 'signed', signed.reference)).toMatchObject({ admitted: true, warnings: [] });
    expect((await create('enforced', 'unsigned', unsigned.reference)).message).toContain(
      '[enforced] refused NO_SIGNATURES containers[c0] ',
    );
  });

  it('says in the status of each object what became of it', async () => {
    const { cluster, images } = world;
    for (const object of images.trust) {
      const status = await eventually(`said: ${object.kind}`, async () => {
        const { status: seen } = (await cluster.client.get<Declared>(targetOf(object))) ?? {};
        return seen?.issuccess === undefined ? undefined : seen;
      });
      expect({ kind: object.kind, ...status }).toMatchObject({ kind: object.kind, issuccess: true });
    }
  });

  it('74: pins the images of a Pod of a Deployment, which are then verified by digest; the Deployment stays as it is', async () => {
    const { client } = world.cluster;
    admitted(await client.create(deployment('pinned', 'web', signed.reference)));
    const made = await eventually('a Pod', async () =>
      (await client.list({ kind: 'Pod', namespace: 'pinned' })).find(({ metadata }) => metadata.name?.startsWith('web-')),
    );
    expect(made.spec).toMatchObject({ containers: [{ image: `${signed.reference}@${signed.digest}` }] });
    const target = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'pinned', name: 'web' };
    expect((await client.get(target))?.spec).toMatchObject({ template: { spec: { containers: [{ image: signed.reference }] } } });
  });

  it('74: leaves a digest as it is, and a pinned Pod that is updated', async () => {
    const { client } = world.cluster;
    const pinned = `${signed.reference}@${signed.digest}`;
    const made = admitted(await client.create(pod('pinned', 'by-digest', pinned)));
    expect(made.spec).toMatchObject({ containers: [{ image: pinned }] });
    const target = { kind: 'Pod', namespace: 'pinned', name: 'by-digest' };
    const labelled = admitted(await client.patch(target, { metadata: { labels: { seen: 'yes' } } }));
    expect(labelled.spec).toMatchObject({ containers: [{ image: pinned }] });
  });

  it('74: refuses the unsigned image by the digest that the tag had when it was pinned', async () => {
    const { message } = await create('pinned', 'unsigned', unsigned.reference);
    const short = unsigned.digest.slice(0, 'sha256:'.length + 12);
    expect(message).toContain(`[enforced] refused NO_SIGNATURES containers[c0] ${unsigned.reference}@${short}: `);
  });

  it('51, 58: denies a Pod whose image cannot be pinned, with the reason', async () => {
    const { images } = world;
    const absent = await create('pinned', 'absent', `${images.host}/app:nowhere`);
    expect(absent.message).toContain(
      'failed to retrieve external data item from provider countersign-mutation-provider: IMAGE_NOT_FOUND: ',
    );
    const odd = await create('pinned', 'odd', `${images.host}/UPPER:1`);
    expect(odd.message).toContain('failed to retrieve external data item from provider countersign-mutation-provider: INVALID_REFERENCE: ');
  });

  it('74: pins the image of a container for debugging', async () => {
    const { client } = world.cluster;
    admitted(await client.create(pod('pinned', 'debugged', signed.reference)));
    const target = { kind: 'Pod', namespace: 'pinned', name: 'debugged', subresource: 'ephemeralcontainers' };
    const debug = { spec: { ephemeralContainers: [{ name: 'debug', image: signed.reference }] } };
    const { object } = await client.patch(target, debug, { dryRun: true });
    expect(object?.spec).toMatchObject({ ephemeralContainers: [{ image: `${signed.reference}@${signed.digest}` }] });
  });

  it('58: makes no valid Pod of one without an image', async () => {
    const { admitted: ok, message } = await create('pinned', 'empty', '');
    expect({ ok, message }).toEqual({ ok: false, message: expect.stringContaining('spec.containers[0].image: Required value') });
  });

  describe('tenants, where the objects of the cluster are the floor', () => {
    let foreign: string;
    let serial = 0;

    beforeAll(async () => {
      const image = tinyImage('foreign');
      const client = registryClient(world.images.host);
      await client.push('app', image, 'foreign');
      await client.push('app', signatureOf(image, signJws({ signer: pki.root().leaf(), subject: image.descriptor })));
      foreign = `${world.images.host}/app@${image.descriptor.digest}`;
    });

    /** Another text each time, so that Gatekeeper has not kept the answer. */
    const again = (image: string) => {
      serial += 1;
      return image.replace('@', `:try-${serial}@`);
    };
    const statusOf = (object: KubeObject) =>
      eventually(`said: ${object.kind}`, async () => {
        const { status } = (await world.cluster.client.get<Declared>(targetOf(object))) ?? {};
        return status?.issuccess === undefined ? undefined : status;
      });

    it('A-T-01, A-T-04 a namespace that skips, reads over plain HTTP and lets any signature do admits nothing that the cluster denies', async () => {
      for (const object of permissive('team-a')) admitted(await world.cluster.client.apply(object));
      for (const object of permissive('team-a')) expect(await statusOf(object)).toMatchObject({ issuccess: true });
      const { message } = await create('team-a', 'foreign', again(foreign));
      expect(message).toContain('[enforced] refused SIGNER_UNTRUSTED containers[c0] ');
      expect(await create('team-a', 'signed', signed.reference)).toMatchObject({ admitted: true });
    });

    it('A-T-27 a namespace that deletes what it declared has what the cluster declares, never nothing', async () => {
      for (const object of permissive('team-a')) admitted(await world.cluster.client.delete(targetOf(object)));
      const { message } = await create('team-a', 'foreign', again(foreign));
      expect(message).toContain('[enforced] refused SIGNER_UNTRUSTED containers[c0] ');
      expect(await create('team-a', 'signed', `${signed.reference}@${signed.digest}`)).toMatchObject({ admitted: true });
    });

    it.each(FORBIDDEN)('%s may not be declared, which its status says and nobody else notices', async (_, kind, spec, says) => {
      const object = tenantObject(kind, 'team-b', 'forbidden', spec);
      admitted(await world.cluster.client.apply(object));
      const status = await statusOf(object);
      admitted(await world.cluster.client.delete(targetOf(object)));
      expect(status).toMatchObject({ issuccess: false, error: expect.stringContaining(says) });
      expect(JSON.stringify(status)).not.toContain(OF_PRIVATE_KEY);
      expect(await create('team-c', 'signed', signed.reference)).toMatchObject({ admitted: true });
    });

    it('A-T-29 says to a namespace what is wrong with its own, and nothing of it to another', async () => {
      const own = tenantObject('NamespacedVerifier', 'team-b', 'secret-project', {
        name: 'notation',
        artifactTypes: 'a/b',
        parameters: {},
      });
      admitted(await world.cluster.client.apply(own));
      await statusOf(own);
      const theirs = await create('team-b', 'foreign', again(foreign));
      const others = await create('team-c', 'foreign', again(foreign));
      expect(theirs.message).toMatch(/\[enforced\] misconfigured [A-Z_]+ containers\[c0\] /);
      expect(others.message).toContain('[enforced] refused SIGNER_UNTRUSTED containers[c0] ');
      for (const word of ['team-a', 'team-b', 'secret-project']) expect(others.message).not.toContain(word);
      admitted(await world.cluster.client.delete(targetOf(own)));
    });
  });

  it('71: audits 200 Pods of 50 images, lists twenty whole and counts all', async () => {
    const { client, log } = world.cluster;
    const pushed = await Promise.all(Array.from({ length: AUDITED.images }, (_, index) => world.images.push(`crowd:n${index}`)));
    const pods = Array.from({ length: AUDITED.pods }, (_, index) =>
      pod('crowded', `p${index}`, pushed[index % AUDITED.images]?.reference ?? ''),
    );
    await Promise.all(
      Array.from({ length: AUDITED.atOnce }, (_, lane) => createAll(pods.filter((_one, index) => index % AUDITED.atOnce === lane))),
    );
    const target = { apiVersion: 'constraints.gatekeeper.sh/v1beta1', kind: KIND, name: 'crowded' };
    const status = await eventually('audited', async () => {
      const { status: seen } = (await client.get<Constraint>(target)) ?? {};
      return seen?.totalViolations === AUDITED.pods ? seen : undefined;
    });
    expect(status.violations).toHaveLength(20);
    for (const { message } of status.violations ?? []) expect(message).toMatch(/^refused NO_SIGNATURES containers\[c0\] .*[^.]$/);
    const lines = readFileSync(log('gatekeeper-audit'), 'utf8').split('\n');
    const logged = lines.filter((line) => line.includes('"event_type":"violation_audited"')).map((line) => JSON.parse(line));
    const details = { code: 'NO_SIGNATURES', image: pushed[0]?.reference };
    expect(logged.find((line) => line.resource_name === 'p0')).toMatchObject({ details });
  });

  it('75: fails no admission while Gatekeeper changes its certificate', async () => {
    const { cluster, gatekeeper, images, product } = world;
    const current = () => new X509Certificate(readFileSync(join(gatekeeper.certificates, 'tls.crt'))).fingerprint256;
    const admits = async (image: PushedImage) => {
      expect(await create('enforced', 'signed', image.reference)).toMatchObject({ admitted: true, message: '' });
    };
    const before = current();
    const secret = { kind: 'Secret', namespace: 'gatekeeper-system', name: 'gatekeeper-webhook-server-cert' };
    admitted(await cluster.client.patch(secret, { data: { 'tls.crt': '', 'tls.key': '' } }));
    await eventually('renewed', async () => {
      await admits(signed);
      await gatekeeper.mountCertificate();
      return current() !== before || undefined;
    });
    await eventually('served', async () => {
      await admits(signed);
      return (await servedBy(gatekeeper.address)) === current() || undefined;
    });
    // A new connection, on which the new certificate is shown.
    await product.stop();
    await product.start();
    await admits(await images.pushSigned('app:after-renewal'));
  });

  it('29: says why when the product does not know the CA of Gatekeeper', async () => {
    const { product, gatekeeper } = world;
    await product.stop();
    product.setClientCa(pki.root().pem);
    await product.start();
    const fresh = await world.images.pushSigned('app:wrong-authority');
    const { message } = await create('enforced', 'signed', fresh.reference);
    product.setClientCa(gatekeeper.ca);
    expect(message).toContain('[enforced] misconfigured CLIENT_CERTIFICATE_INVALID containers[c0] ');
    expect(message).toContain('the client certificate is not accepted');
    const answer = await eventually('admitted', async () => (await create('enforced', 'signed', fresh.reference)).admitted || undefined);
    expect(answer).toBe(true);
  });
});

/** The same mutator for one namespace. */
function inNamespace(namespace: string): (mutator: KubeObject) => KubeObject {
  return (mutator) => ({
    ...mutator,
    spec: { ...Object(mutator.spec), match: { ...Object(mutator.spec).match, namespaces: [namespace] } },
  });
}

/** Fingerprint of the certificate that a server shows. */
async function servedBy(address: string): Promise<string | undefined> {
  const [host = '', port = ''] = address.split(':');
  const socket = connect({ host, port: Number(port), rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { fingerprint256 } = socket.getPeerCertificate();
  socket.destroy();
  return fingerprint256;
}
