// @rig olareg, notation, helm, cluster, gatekeeper
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'node:tls';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { stringify } from 'yaml';
import { issueServingCertificate } from '../../src/cli/serving-certificate.ts';
import { readServingState, writeServingState } from '../../src/kube/serving-secret.ts';
import { objectsOf, one } from '../helm/helm.ts';
import { ensureTools } from '../rig/build.ts';
import { admitted, type KubeObject } from '../rig/cluster/kube-client.ts';
import { type Cluster, startCluster } from '../rig/cluster.ts';
import { allInForce, applyPolicies } from '../rig/gatekeeper/policies.ts';
import { type Gatekeeper, startGatekeeper } from '../rig/gatekeeper.ts';
import { type Replica, startReplica } from '../rig/replica.ts';
import { type Service, startService } from '../rig/service.ts';
import { type PushedImage, type SignedImages, startSignedImages } from '../rig/signed-images.ts';
import { eventually } from '../rig/wait.ts';
import { createNamespaces, pod } from '../rig/workloads.ts';
import { type Attempt, admissions, type Became, tally } from './admissions.ts';
import { constraint, readObjects } from './policies.ts';
import { withServingTimes } from './serving-times.ts';

const BUILD_WITHIN_MS = 60 * 60_000;
const NAMESPACE = 'gatekeeper-system';
const PROVIDER = { apiVersion: 'externaldata.gatekeeper.sh/v1beta1', kind: 'Provider' };
const SERVING = { kind: 'Secret', namespace: NAMESPACE, name: 'countersign-serving' };
const GATEKEEPERS = { kind: 'Secret', namespace: NAMESPACE, name: 'gatekeeper-webhook-server-cert' };
/** Not the kind that waits in place: the addresses of the Services are served by this process. */
const run = promisify(execFile);
const WORDS: Partial<Record<Became, RegExp>> = {
  unavailable: / unavailable PROVIDER_UNREACHABLE .*: failed to send external data request: /,
  misconfigured: / misconfigured CLIENT_CERTIFICATE_INVALID /,
};
const TIMES = { lookMs: 500, settleMs: 3000, retireMs: 3000 };

interface Provider extends KubeObject {
  readonly spec: { readonly url: string; readonly caBundle: string };
}

interface Webhooks extends KubeObject {
  readonly webhooks: readonly { readonly clientConfig: { readonly service: object } }[];
}

describe('the chart with a certificate that Countersign makes, two replicas, before Gatekeeper with certificates of its own', () => {
  let cluster: Cluster;
  let gatekeeper: Gatekeeper;
  let images: SignedImages;
  let provider: Service;
  let helm: string;
  let env: Readonly<Record<string, string>>;
  const replicas: Replica[] = [];
  let signed: readonly PushedImage[];
  let unsigned: readonly PushedImage[];
  let started = 0;

  beforeAll(async () => {
    const bin = await ensureTools(['helm'], console.log);
    cluster = await startCluster();
    images = await startSignedImages();
    cluster.beforeStop(images.stop);
    gatekeeper = await startGatekeeper(cluster, { certificate: 'gatekeeper', responseCacheTtl: '0s', auditIntervalSeconds: 3600 });
    signed = [await images.pushSigned('app:s0'), await images.pushSigned('app:s1')];
    unsigned = [await images.push('app:u0'), await images.push('app:u1')];
    helm = bin.helm;
    env = { HOME: cluster.folder, KUBECONFIG: cluster.kubeconfig };
    await install();
    provider = await startService();
    cluster.beforeStop(provider.stop);
    for (const { metadata, spec } of await cluster.client.list<Provider>(PROVIDER)) {
      const { name = '' } = metadata;
      const url = `https://${provider.address}${new URL(spec.url).pathname}`;
      admitted(await cluster.client.patch({ ...PROVIDER, name }, { spec: { url } }));
    }
    cluster.beforeStop(() => Promise.all(replicas.map((replica) => replica.stop())));
    await Promise.all([start(0), start(1)]);
    await leadToGatekeeperWhenReady();
    await createNamespaces(cluster.client, 'enforced');
    await applyPolicies(cluster.client, gatekeeper.pods, [
      ...readObjects('policies/verified-images/template.yaml'),
      constraint({
        kind: 'CountersignVerifiedImages',
        name: 'enforced',
        namespaces: ['enforced'],
        parameters: { provider: 'countersign-provider' },
      }),
    ]);
    await allInForce(cluster.client, gatekeeper.pods);
  }, BUILD_WITHIN_MS);

  afterAll(() => cluster?.stop());

  /** The chart, with its default for the certificate; the Pods are reached at an address of this machine. */
  async function install(...more: readonly string[]): Promise<void> {
    const values = {
      notationCerts: [Object(images.trust[0]?.spec).parameters.value],
      oras: { useHttp: true },
      settings: { servingCertificate: { hosts: ['127.0.0.1'] } },
    };
    const file = join(cluster.folder, 'values.yaml');
    writeFileSync(file, stringify(values));
    const args = ['upgrade', '--install', 'countersign', join(import.meta.dirname, '../../helm'), '--namespace', NAMESPACE];
    await run(helm, [...args, '--values', file, ...more], { env });
  }

  async function start(index: number): Promise<void> {
    const name = `countersign-${started++}`;
    const replica = await startReplica(cluster, {
      namespace: NAMESPACE,
      deployment: 'countersign',
      name,
      nodeArguments: withServingTimes(TIMES),
    });
    replicas[index] = replica;
    provider.add(replica);
    await provider.leadsTo(replica);
  }

  async function stop(index: number): Promise<void> {
    const replica = replicas[index];
    if (replica === undefined) throw new Error(`there is no replica ${index}`);
    provider.remove(replica);
    expect(await replica.stop()).toBe(0);
  }

  /** The Service of the webhooks leads to Gatekeeper while that is ready, not while it only listens. */
  async function leadToGatekeeperWhenReady(): Promise<void> {
    const service = await startService({ lagMs: 200 });
    cluster.beforeStop(service.stop);
    service.add(gatekeeper);
    await service.leadsTo(gatekeeper);
    const port = Number(service.address.split(':')[1]);
    for (const [kind, name] of [
      ['ValidatingWebhookConfiguration', 'gatekeeper-validating-webhook-configuration'],
      ['MutatingWebhookConfiguration', 'gatekeeper-mutating-webhook-configuration'],
    ] as const) {
      const target = { apiVersion: 'admissionregistration.k8s.io/v1', kind, name };
      const { webhooks = [] } = (await cluster.client.get<Webhooks>(target)) ?? {};
      const led = webhooks.map((webhook) => ({
        ...webhook,
        clientConfig: { ...webhook.clientConfig, service: { ...webhook.clientConfig.service, port } },
      }));
      admitted(await cluster.client.patch(target, { webhooks: led }));
    }
  }

  const create = (image: PushedImage | undefined) =>
    cluster.client.create(pod('enforced', 'one', image?.reference ?? ''), { dryRun: true });

  /** A loop of admissions; whatever else became of it, nothing unsigned is there, and nothing signed was called unsigned. */
  async function during(name: string, meanwhile: () => Promise<unknown>): Promise<readonly Attempt[]> {
    const attempts = await admissions({ client: cluster.client, namespace: 'enforced', name, signed, unsigned, meanwhile });
    expect(attempts.length).toBeGreaterThanOrEqual(200);
    const passed = new Set(signed.map(({ reference }) => reference));
    const stored = (await cluster.client.list({ kind: 'Pod', namespace: 'enforced' })).flatMap(
      ({ spec }) => (spec as { containers: readonly { image: string }[] }).containers,
    );
    expect(stored.filter(({ image }) => !passed.has(image))).toEqual([]);
    expect(attempts.filter(({ signed: isSigned, became }) => became === (isSigned ? 'refused' : 'admitted'))).toEqual([]);
    for (const { message } of attempts.filter(({ became }) => became === 'refused'))
      expect(message).toMatch(/\[enforced\] refused NO_SIGNATURES containers\[c0\] \S+: no signature: .*; sign it with notation sign$/);
    return attempts;
  }

  function expectAllAnswered(attempts: readonly Attempt[]): void {
    expect(attempts.filter(({ signed: isSigned, became }) => became !== (isSigned ? 'admitted' : 'refused'))).toEqual([]);
  }

  /** Each was answered, or was not for one of `reasons`, in its words; and at the end everything is as it was. */
  async function expectOnly(attempts: readonly Attempt[], reasons: readonly Became[]): Promise<void> {
    const others = attempts.filter(({ became }) => became !== 'admitted' && became !== 'refused');
    expect(others.filter(({ became }) => !reasons.includes(became))).toEqual([]);
    for (const { became, message } of others) expect(message).toMatch(WORDS[became] ?? /./);
    await eventually('admitted', async () => (await create(signed[0])).admitted || undefined);
  }

  it('admits the signed and denies the unsigned, with the rights of the chart and no others', async () => {
    expect(await create(signed[0])).toMatchObject({ admitted: true, warnings: [] });
    expect((await create(unsigned[0])).message).toContain('[enforced] refused NO_SIGNATURES containers[c0] ');
    for (const replica of replicas) expect(replica.output()).not.toMatch(/forbidden/i);
  });

  it('goes on through `helm upgrade`, which leaves the certificate and the trust in it alone', async () => {
    const before = readServingState(await cluster.client.get(SERVING))?.active.cert;
    expect(before).toBeDefined();
    await install('--set', 'replicaCount=3');
    expect(readServingState(await cluster.client.get(SERVING))?.active.cert).toBe(before);
    expect(await create(signed[0])).toMatchObject({ admitted: true });
  });

  it('writes its authority again where a tool sets the Provider back to what the chart rendered', async () => {
    const target = { ...PROVIDER, name: 'countersign-provider' };
    const bundle = async () => (await cluster.client.get<Provider>(target))?.spec.caBundle;
    const before = await bundle();
    const { stdout } = await run(helm, ['get', 'manifest', 'countersign', '--namespace', NAMESPACE], { env });
    const rendered = one(objectsOf(stdout), 'Provider', 'countersign-provider').spec.caBundle;
    expect(rendered).not.toBe(before);
    admitted(await cluster.client.patch(target, { spec: { caBundle: rendered } }));
    await eventually('written again', async () => (await bundle()) === before || undefined);
    await eventually('admitted', async () => (await create(signed[0])).admitted || undefined);
  });

  it('loses no admission while its serving certificate is renewed', async () => {
    const next = await issueServingCertificate(['127.0.0.1'], 90, new Date());
    const attempts = await during('serving', async () => {
      const secret = await cluster.client.get(SERVING);
      const state = readServingState(secret);
      if (state === undefined) throw new Error('there is no serving certificate');
      const { data, annotations } = writeServingState({ ...state, next: { ...next, since: Date.now() } });
      admitted(await cluster.client.patch(SERVING, { data, metadata: { annotations } }));
      await eventually('renewed, and the authority before gone', async () => {
        const { active, previous } = readServingState(await cluster.client.get(SERVING)) ?? {};
        const trusted = (await cluster.client.list<Provider>(PROVIDER)).map(({ spec }) => spec.caBundle);
        const only = Buffer.from(`${next.ca.trim()}\n`).toString('base64');
        return (active?.cert === next.cert && previous === undefined && trusted.every((bundle) => bundle === only)) || undefined;
      });
    });
    expectAllAnswered(attempts);
    for (const { address } of replicas) expect(await servedBy(address)).toBe(new X509Certificate(next.cert).fingerprint256);
  });

  it('loses no admission while its replicas are replaced one after the other', async () => {
    const attempts = await during('rolling', async () => {
      for (const index of [0, 1]) {
        const stopped = stop(index);
        await start(index);
        await stopped;
      }
    });
    expectAllAnswered(attempts);
  });

  it('calls nothing unsigned that is signed while Gatekeeper makes an authority of its own anew', async () => {
    const authority = async () => (await cluster.client.get<KubeObject & { data: Record<string, string> }>(GATEKEEPERS))?.data['ca.crt'];
    const before = await authority();
    const attempts = await during('authority', async () => {
      admitted(await cluster.client.patch(GATEKEEPERS, { data: { 'ca.crt': '', 'ca.key': '', 'tls.crt': '', 'tls.key': '' } }));
      await eventually('a new authority', async () => {
        const now = await authority();
        return (now !== before && now !== '') || undefined;
      });
      await Promise.all(replicas.map((replica) => replica.mount()));
      // The kubelet of another node is later.
      await sleep(1000);
      await eventually('mounted', async () => {
        await gatekeeper.mountCertificate();
        return (await create(signed[0])).admitted || undefined;
      });
    });
    await expectOnly(attempts, ['unavailable', 'misconfigured', 'no answer of Gatekeeper']);
  });

  it('admits nothing unsigned, and calls nothing unsigned that is signed, while etcd is restarted', async () => {
    await expectOnly(await during('etcd', () => cluster.restart('etcd')), ['no answer of the API server']);
  });

  it.each<[what: string, restart: () => Promise<unknown>, reason: Became]>([
    ['the API server is', () => cluster.restart('kube-apiserver'), 'no answer of the API server'],
    ['Gatekeeper is', () => gatekeeper.restart(), 'no answer of Gatekeeper'],
    [
      'all replicas of Countersign are',
      async () => {
        await Promise.all([stop(0), stop(1)]);
        await Promise.all([start(0), start(1)]);
      },
      'unavailable',
    ],
  ])('admits nothing unsigned, and calls nothing unsigned that is signed, while %s restarted', async (what, restart, reason) => {
    const attempts = await during(what.replace(/\W/g, '').toLowerCase(), restart);
    for (const isSigned of [true, false]) expect(tally(attempts, isSigned)[reason]).toBeGreaterThan(0);
    await expectOnly(attempts, [reason, 'no answer of Gatekeeper', 'unavailable']);
  });
});

/** Fingerprint of the certificate that a server shows. */
async function servedBy(address: string): Promise<string | undefined> {
  const [host = '', port = ''] = address.split(':');
  const socket = connect({ host, port: Number(port), rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { fingerprint256 } = socket.getPeerCertificate();
  socket.destroy();
  return fingerprint256;
}
