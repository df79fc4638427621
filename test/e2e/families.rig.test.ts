// @rig olareg, notation, helm, cluster, gatekeeper
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createHelm } from '../helm/helm.ts';
import { podOf, WORKLOADS } from '../policies/cases.ts';
import { ensureTools } from '../rig/build.ts';
import { GATEKEEPER_NAMESPACE } from '../rig/cluster/certificates.ts';
import { admitted, type KubeObject, targetOf } from '../rig/cluster/kube-client.ts';
import type { PushedImage } from '../rig/signed-images.ts';
import { eventually } from '../rig/wait.ts';
import { createNamespaces, deployment, pod } from '../rig/workloads.ts';
import { startWorld, type World } from '../rig/world.ts';
import { ACME, ACR_RULE, ANOLIS, DEMO, kritisDocument, layoutOf, OCIR, OKE_POLICY, type Statements, statementsIn } from './families.ts';
import { constraint, readObjects } from './policies.ts';
import { tenantObject } from './tenants.ts';

const BUILD_WITHIN_MS = 40 * 60_000;
const KIND = 'CountersignVerifiedImages';
const KRITIS_GLASS = 'kritis.grafeas.io/breakglass';
const OKE_GLASS = 'oracle.image-policy.k8s.io/break-glass';
const ALPHA = 'countersign.dev/v1alpha1';
const DOCUMENTED_DIGEST = 'sha256:ddba4d27a7ffc3f86dd6c2f92041af252a1f23a8e742c90e6e1297bfa1bc0c45';
const UNSIGNED = `${ANOLIS}/openanolis/nginx:1.14.1-8.6`;
const SIGNED = `${DEMO}/kritis-demo/alpine`;
const LOAD_BALANCER = `${OCIR}/ansh81vru1zp/project01/ngnix-lb`;
const OTHER_DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`;

interface Event extends KubeObject {
  readonly reason: string;
  readonly message: string;
  readonly involvedObject: { readonly name: string };
}

interface Constraint extends KubeObject {
  readonly status?: { readonly violations?: readonly { readonly kind: string; readonly name: string; readonly message: string }[] };
}

interface WithStatus extends KubeObject {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

describe('what the pages of kritis-validation-hook, ACR and OKE declare, in a cluster', () => {
  let folder: string;
  let world: World;
  let statements: Statements;
  let digests: Readonly<Record<string, string>>;

  beforeAll(async () => {
    const bin = await ensureTools(['helm']);
    folder = mkdtempSync(join(tmpdir(), 'countersign-families-'));
    statements = statementsIn(folder);
    writeFileSync(join(folder, 'settings.json'), statements.settings());
    const layouts = await Promise.all([
      layoutOf(folder, ANOLIS, ['openanolis/nginx:1.14.1-8.6']),
      layoutOf(folder, DEMO, ['kritis-demo/alpine:3.12']),
      layoutOf(folder, OCIR, ['ansh81vru1zp/project01/ngnix-lb:latest', 'ansh81vru1zp/project01/unsigned:latest']),
      layoutOf(folder, ACME, ['prod/app:v1', 'prod/app:v2', 'test/app:v1']),
    ]);
    digests = Object.assign({}, ...layouts.map((layout) => layout.digests));
    world = await startWorld({
      declared: 'cluster',
      rights: await rightsOfChart(bin.helm),
      productFlags: ['--settings', join(folder, 'settings.json')],
      gatekeeper: { responseCacheTtl: '0' },
    });
    const { cluster, images, declare } = world;
    await createNamespaces(cluster.client, 'prod', 'open', 'pinned', 'both');
    for (const object of images.trust.filter(({ kind }) => kind !== 'Store')) admitted(await cluster.client.delete(targetOf(object)));
    for (const { store } of layouts) admitted(await cluster.client.apply(store));
    const [shipped] = readObjects('policies/verified-images/constraint.yaml');
    const { parameters, ...spec } = Object(shipped?.spec);
    await declare(
      ...readObjects('policies/verified-images/template.yaml'),
      { ...(shipped as KubeObject), spec: { ...spec, parameters: { ...parameters, annotations: [KRITIS_GLASS, OKE_GLASS] } } },
      constraint({
        kind: KIND,
        name: 'pod-templates',
        namespaces: ['default'],
        kinds: [{ apiGroups: [''], kinds: ['PodTemplate'] }],
        parameters,
      }),
    );
    statements.attest(SIGNED, DOCUMENTED_DIGEST);
    statements.attest(SIGNED, digestOf(`${SIGNED}:3.12`));
  }, BUILD_WITHIN_MS);

  afterAll(async () => {
    await world?.stop();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  const digestOf = (reference: string): string => digests[reference] ?? '';
  /** `REPOSITORY@DIGEST` of an image that has this tag. */
  const byDigest = (reference: string) => `${reference.slice(0, reference.lastIndexOf(':'))}@${digestOf(reference)}`;

  const apply = async (file: string, namespace = 'default'): Promise<void> => {
    const path = join(folder, file);
    writeFileSync(path, kritisDocument(file));
    expect(await world.cluster.kubectl('apply', '-n', namespace, '-f', path)).toMatchObject({ code: 0, stderr: '' });
  };
  const applyPolicy = async (namespace?: string) => {
    for (const kind of ['AttestationAuthority', 'GenericAttestationPolicy']) await apply(`${kind}.yaml`, namespace);
  };
  const declare = async (...objects: readonly KubeObject[]) => {
    for (const object of objects) admitted(await world.cluster.client.apply(object));
  };
  const remove = async (...objects: readonly KubeObject[]) => {
    for (const object of objects) admitted(await world.cluster.client.delete(targetOf(object)));
  };

  /** A Pod that is asked about. */
  const asking = (image: string, namespace = 'default', annotations: Readonly<Record<string, string>> = {}): KubeObject => {
    const made = pod(namespace, 'case', image);
    return { ...made, metadata: { ...made.metadata, annotations } };
  };
  const admits = (object: KubeObject) =>
    eventually('admitted', async () => {
      const { admitted: ok, message } = await world.cluster.client.create(object, { dryRun: true });
      if (!ok) throw new Error(message);
      return ok;
    });
  /** Waits until it is denied with these words; the whole message. */
  const denies = (expected: string, object: KubeObject) =>
    eventually(`denied: ${expected}`, async () => {
      const { admitted: ok, message } = await world.cluster.client.create(object, { dryRun: true });
      if (ok || !message.includes(expected)) throw new Error(message || 'admitted');
      return message;
    });
  const counted = async (metric: string): Promise<number> => {
    const text = await (await fetch(`http://${world.product.admin}/metrics`)).text();
    const line = text.split('\n').find((one) => one.startsWith(`${metric} `));
    return Number(line?.split(' ')[1] ?? 0);
  };
  const recorded = (event: string) => counted(`countersign_records_total{event="${event}"}`);
  const uncovered = () => counted('countersign_keys_total{action="verify",outcome="accepted",code="NOT_COVERED"}');
  /** The event in kube-system about an image in a namespace. */
  const eventOn = (reason: string, image: string, namespace = 'default') =>
    eventually(`an event ${reason}`, async () => {
      const events = await world.cluster.client.list<Event>({ kind: 'Event', namespace: 'kube-system' });
      return events.find(
        (event) => event.reason === reason && event.message.startsWith(`${image}: `) && event.involvedObject.name === namespace,
      );
    });
  const conditionsOf = (object: KubeObject) =>
    eventually(`conditions: ${object.kind}`, async () => {
      const { status } = (await world.cluster.client.get<WithStatus>(targetOf(object))) ?? {};
      return status?.conditions;
    });

  describe('kritis-validation-hook', () => {
    beforeAll(() => applyPolicy());

    it('says of both objects that they are in force', async () => {
      for (const [kind, name] of [
        ['AttestationAuthority', 'demo-aa'],
        ['GenericAttestationPolicy', 'demo-gap'],
      ] as const) {
        const object = { apiVersion: 'kritis.grafeas.io/v1beta1', kind, metadata: { name, namespace: 'default' } };
        expect(await conditionsOf(object)).toContainEqual(expect.objectContaining({ type: 'Ready', status: 'True' }));
      }
    });

    it('A0.1 denies the Deployment of the document, and says of which authority the image has no attestation, and how that was found', async () => {
      await denies('refused ', asking(UNSIGNED));
      const { code, stderr } = await world.cluster.kubectl('create', 'deployment', 'test-denied', `--image=${UNSIGNED}`);
      expect({ code, stderr }).toEqual({
        code: 1,
        stderr: expect.stringContaining(`[verified-images] refused TAG_REFERENCE containers[nginx] ${UNSIGNED}: `),
      });
      expect(stderr).toContain(` is not attested by demo-aa: tag reference; use @${digestOf(UNSIGNED)}\n`);
      const message = await denies('refused NOT_ATTESTED', asking(byDigest(UNSIGNED)));
      expect(message).toContain(' is not attested by demo-aa: lookup: no attestation of this digest in directory');
    });

    it('A0.2 admits the Deployment of the document by its digest, and the Pods that come of it', async () => {
      const image = `${SIGNED}@${DOCUMENTED_DIGEST}`;
      expect(await world.cluster.kubectl('create', 'deployment', 'test-allow', `--image=${image}`)).toEqual({
        code: 0,
        stdout: 'deployment.apps/test-allow created\n',
        stderr: '',
      });
      const [made] = await eventually('a Pod', async () => {
        const pods = await world.cluster.client.list({ kind: 'Pod', namespace: 'default' });
        return pods.length > 0 ? pods : undefined;
      });
      expect(made?.spec).toMatchObject({ containers: [{ image }] });
      statements.withdraw(DOCUMENTED_DIGEST);
      await denies('refused NOT_ATTESTED', asking(image));
    });

    it('A0.13 lists in the audit what runs and is not attested any more, in as much as a status keeps, and evicts nothing', async () => {
      const target = { apiVersion: 'constraints.gatekeeper.sh/v1beta1', kind: KIND, name: 'verified-images' };
      const found = await eventually('listed', async () => {
        const { violations = [] } = (await world.cluster.client.get<Constraint>(target))?.status ?? {};
        return violations.find(({ kind, name }) => kind === 'Pod' && name.startsWith('test-allow-'));
      });
      expect(found.message).toMatch(/^refused NOT_ATTESTED containers\[alpine\] [ -~]{1,183}$/);
      expect(await world.cluster.client.get({ kind: 'Pod', namespace: 'default', name: found.name })).toBeDefined();
    });

    it('A0.3 denies a signed image by its tag with the digest to use; where images are pinned the tag is replaced, and admitted', async () => {
      const tagged = `${SIGNED}:3.12`;
      const message = await denies('refused TAG_REFERENCE', asking(tagged));
      expect(message).toContain(`tag reference; use @${digestOf(tagged)}`);
      await applyPolicy('pinned');
      await denies('refused TAG_REFERENCE', asking(tagged, 'pinned'));
      await world.declare(...readObjects('policies/pin-digests/pods.yaml').map(inNamespace('pinned')));
      const { object } = await eventually('admitted', async () => {
        const answer = await world.cluster.client.create(asking(tagged, 'pinned'), { dryRun: true });
        return answer.admitted ? answer : undefined;
      });
      expect(object?.spec).toMatchObject({ containers: [{ image: `${tagged}@${digestOf(tagged)}` }] });
      await denies('is not attested by demo-aa: lookup: ', asking(UNSIGNED, 'pinned'));
    });

    it('A0.4 lets images of the allowlist run, of which kubectl says what the document shows', async () => {
      const pause = 'registry-vpc.cn-hangzhou.aliyuncs.com/acs/pause:3.2';
      const file = join(folder, 'kritis-admission-allowlist-acs.yaml');
      writeFileSync(file, kritisDocument('kritis-admission-allowlist-acs.yaml'));
      expect(await world.cluster.kubectl('apply', '-f', file)).toMatchObject({
        stdout: 'admissionallowlist.kritis.grafeas.io/allow-acs-images created\n',
      });
      const { stdout } = await world.cluster.kubectl('get', 'admissionallowlists.kritis.grafeas.io');
      const [head, row, ...more] = stdout.trim().split('\n');
      expect([head, row, more]).toEqual([
        expect.stringMatching(/^NAME +READY +AGE$/),
        expect.stringMatching(/^allow-acs-images +(?:True +)?\d+s$/),
        [],
      ]);
      await admits(asking(pause));
      await denies('is not attested', asking(`registry.evil.example.test/acs/pause@${OTHER_DIGEST}`));
      await denies('is not attested', asking(`registry-vpc.cn-hangzhou.aliyuncs.com/acs/more/pause@${OTHER_DIGEST}`));
    });

    it('A0.5 lets a pattern with a namespace hold in that namespace alone', async () => {
      await applyPolicy('prod');
      await apply('kritis-allowlist.yaml');
      const image = `registry-vpc.cn-beijing.aliyuncs.com/arms-docker-repo/prometheus@${OTHER_DIGEST}`;
      await admits(asking(image));
      await denies('is not attested by demo-aa', asking(image, 'prod'));
    });

    it('A0.6 admits everything in a namespace without a policy, and counts that nothing covered it', async () => {
      const before = await uncovered();
      await admits(asking(UNSIGNED, 'open'));
      expect(await uncovered()).toBe(before + 1);
    });

    it('A0.11 writes an event for a denial where the hook did', async () => {
      await denies('refused NOT_ATTESTED', asking(byDigest(UNSIGNED)));
      expect((await eventOn('FailedKritisAdmission', byDigest(UNSIGNED))).message).toContain('is not attested by demo-aa');
    });

    it('A0.12 finds every image of every kind that makes Pods', async () => {
      const signed = byDigest(`${SIGNED}:3.12`);
      const unsigned = byDigest(UNSIGNED);
      const spec = {
        containers: [
          { name: 'good', image: signed },
          { name: 'web', image: unsigned },
        ],
        initContainers: [{ name: 'prepare', image: unsigned }],
        volumes: [{ name: 'model', image: { reference: unsigned } }],
      };
      const template: KubeObject = {
        apiVersion: 'v1',
        kind: 'PodTemplate',
        metadata: { name: 'case', namespace: 'default' },
        template: { metadata: { labels: { app: 'case' } }, spec },
      };
      const all: readonly KubeObject[] = [podOf(spec), ...Object.values(WORKLOADS).map((make) => make(spec)), template];
      expect(all).toHaveLength(9);
      for (const object of all) {
        const message = await denies('refused NOT_ATTESTED', object);
        const places = [...message.matchAll(/refused NOT_ATTESTED (\S+) /g)].map(([, place]) => place);
        expect([object.kind, places.toSorted()]).toEqual([object.kind, ['containers[web]', 'initContainers[prepare]', 'volumes[model]']]);
      }
      const target = { kind: 'Pod', namespace: 'default', name: 'running' };
      admitted(await world.cluster.client.create(pod('default', 'running', signed)));
      const debug = (image: string) => ({ spec: { ephemeralContainers: [{ name: 'debug', image }] } });
      const path = { ...target, subresource: 'ephemeralcontainers' };
      expect(await world.cluster.client.patch(path, debug(unsigned), { dryRun: true })).toMatchObject({
        admitted: false,
        message: expect.stringContaining('refused NOT_ATTESTED ephemeralContainers[debug] '),
      });
      expect(await world.cluster.client.patch(path, debug(signed), { dryRun: true })).toMatchObject({ admitted: true });
    });

    it('A0.14 lets a Pod with the annotation run, whatever its value, and records each', async () => {
      const before = await recorded('BreakGlass');
      for (const value of ['', 'false']) await admits(asking(byDigest(UNSIGNED), 'default', { [KRITIS_GLASS]: value }));
      expect(await recorded('BreakGlass')).toBe(before + 2);
      expect(world.product.output()).toContain('"event":"BreakGlass"');
      expect((await eventOn('BreakGlass', byDigest(UNSIGNED))).message).toContain(KRITIS_GLASS);
      await denies('is not attested', asking(byDigest(UNSIGNED), 'default', { [OKE_GLASS]: 'true' }));
    });
  });

  describe('image verification policies of OKE', () => {
    const latest = `${LOAD_BALANCER}:latest`;
    const unsigned = `${OCIR}/ansh81vru1zp/project01/unsigned:latest`;

    beforeAll(async () => {
      statements.signByVault('project01/ngnix-lb', digestOf(latest));
      await declare(OKE_POLICY);
    });

    it('A3.5 denies the image of the document by its tag, and admits it by the digest that is said', async () => {
      const message = await denies('refused TAG_REFERENCE', asking(latest, 'open'));
      expect(message).toContain(`named by tag latest; use ${byDigest(latest)}`);
      await admits(asking(byDigest(latest), 'open'));
      await denies('refused NO_SIGNATURES', asking(byDigest(unsigned), 'open'));
    });

    it('A3.6 lets a Pod with the annotation "true" run and records it; any other value is said not to be honoured', async () => {
      const before = await recorded('BreakGlass');
      await admits(asking(byDigest(unsigned), 'open', { [OKE_GLASS]: 'true' }));
      expect(await recorded('BreakGlass')).toBe(before + 1);
      for (const value of ['True', 'false'])
        expect(await denies('refused NO_SIGNATURES', asking(byDigest(unsigned), 'open', { [OKE_GLASS]: value }))).toContain(
          `break-glass annotation is "${value}" and not "true": not honoured`,
        );
      await denies('refused NO_SIGNATURES', asking(byDigest(unsigned), 'open', { [KRITIS_GLASS]: 'true' }));
    });

    it('A3.6 honours the annotation on the Pod template of a Deployment, and not on the Deployment', async () => {
      const made = deployment('open', 'case', byDigest(unsigned));
      const annotations = { [OKE_GLASS]: 'true' };
      await denies('refused NO_SIGNATURES', { ...made, metadata: { ...made.metadata, annotations } });
      const { template, ...spec } = Object(made.spec);
      const onTemplate = { ...template, metadata: { ...template.metadata, annotations } };
      await admits({ ...made, spec: { ...spec, template: onTemplate } });
    });

    it('A3.7 admits images of other registries, and counts that nothing covered them', async () => {
      const { reference } = await world.images.push('other:1');
      const before = await uncovered();
      await admits(asking(reference, 'open'));
      expect(await uncovered()).toBe(before + 1);
    });
  });

  describe('image signing of ACR', () => {
    beforeAll(async () => {
      statements.signTag(`${ACME}/prod/app:v1`, digestOf(`${ACME}/prod/app:v1`));
      await declare(ACR_RULE);
    });

    afterAll(async () => {
      await remove(ACR_RULE);
      await admits(asking(`${ACME}/test/app:v1`, 'open'));
    });

    it('A2.1 admits what was signed at the push, by its tag and by its digest, and denies what was not', async () => {
      await denies('refused NO_SIGNATURES', asking(`${ACME}/prod/app:v2`, 'open'));
      await admits(asking(`${ACME}/prod/app:v1`, 'open'));
      await admits(asking(byDigest(`${ACME}/prod/app:v1`), 'open'));
    });

    it('A2.8 denies an image of a namespace that no rule is about as not covered', async () => {
      await denies('refused NOT_COVERED', asking(`${ACME}/test/app:v1`, 'open'));
    });
  });

  describe('a namespace that Ratify and kritis both cover', () => {
    let made: Readonly<Record<'both' | 'notation' | 'attested' | 'neither', PushedImage>>;

    beforeAll(async () => {
      const { images } = world;
      const [both, notation, attested, neither] = [
        await images.pushSigned('both:both'),
        await images.pushSigned('both:notation'),
        await images.push('both:attested'),
        await images.push('both:neither'),
      ];
      made = { both, notation, attested, neither };
      for (const { digest } of [both, attested]) statements.attest(`${images.host}/both`, digest);
      await applyPolicy('both');
      await declare(...images.trust.filter(({ kind }) => kind !== 'Store').map(inTenant('both')));
    });

    const reference = (name: keyof typeof made) => `${world.images.host}/both@${made[name].digest}`;

    it('admits what both accept, and denies what either refuses', async () => {
      await denies('refused NO_SIGNATURES', asking(reference('attested'), 'both'));
      await denies('refused NOT_ATTESTED', asking(reference('notation'), 'both'));
      await admits(asking(reference('both'), 'both'));
      const message = await denies('refused ', asking(reference('neither'), 'both'));
      expect(message).toMatch(/refused (?:NO_SIGNATURES|NOT_ATTESTED) /);
      await admits(asking(reference('attested')));
      await denies('refused NOT_ATTESTED', asking(reference('notation')));
    });

    it('lets the annotation of kritis pass over kritis alone', async () => {
      await admits(asking(reference('notation'), 'both', { [KRITIS_GLASS]: '' }));
      await denies('refused NO_SIGNATURES', asking(reference('neither'), 'both', { [KRITIS_GLASS]: '' }));
    });
  });

  describe('an Exception', () => {
    it('lets an image run, and records it, until it expires while everything runs', async () => {
      const { reference, digest } = await world.images.push('excepted/app:1');
      const image = `${reference}@${digest}`;
      await denies('refused NOT_ATTESTED', asking(image));
      const exception = {
        apiVersion: ALPHA,
        kind: 'Exception',
        metadata: { name: 'hotfix' },
        spec: {
          images: [`${world.images.host}/excepted/**`],
          namespaces: ['default'],
          rules: ['kritis'],
          reason: 'the build is being mended',
          ticket: 'OPS-1712',
          owner: 'platform@example.com',
          expires: new Date(Date.now() + 10_000).toISOString(),
        },
      };
      await declare(exception);
      const before = await recorded('ExceptionUsed');
      await admits(asking(image));
      expect(await recorded('ExceptionUsed')).toBeGreaterThan(before);
      await denies('refused NOT_ATTESTED', asking(image, 'prod'));
      const message = await denies('expired', asking(image));
      expect(message).toContain(`refused NOT_ATTESTED containers[c0] ${reference}@`);
      expect(message).toContain(`; Exception hotfix expired at ${exception.spec.expires}`);
      await remove(exception);
    });

    it('is not honoured without who answers for it, and says so', async () => {
      const spec = { images: ['registry.example.com/**'], reason: 'x', ticket: 'x', expires: '2027-01-31T00:00:00Z' };
      const exception = { apiVersion: ALPHA, kind: 'Exception', metadata: { name: 'nobody' }, spec };
      await declare(exception);
      expect(await conditionsOf(exception)).toContainEqual(
        expect.objectContaining({ type: 'Ready', status: 'False', message: expect.stringContaining('spec.owner') }),
      );
      await remove(exception);
    });
  });

  describe('a dry run of kritis', () => {
    beforeAll(async () => {
      await world.product.stop();
      writeFileSync(join(folder, 'settings.json'), statements.settings({ dryRun: true }));
      await world.product.start();
      const { admin } = world.product;
      await eventually('ready, with a Store and no Verifier', async () => (await fetch(`http://${admin}/readyz`)).ok || undefined);
    });

    it('A0.11 admits what would have been denied, and writes an event of it where the hook did', async () => {
      await admits(asking(byDigest(UNSIGNED), 'prod'));
      const { message } = await eventOn('DryRunKritisAdmission', byDigest(UNSIGNED), 'prod');
      expect(message).toContain('is not attested by demo-aa');
      await denies('refused NO_SIGNATURES', asking(byDigest(`${OCIR}/ansh81vru1zp/project01/unsigned:latest`), 'prod'));
    });
  });

  it('asks the API server for nothing that the chart’s rights do not give', () => {
    expect(world.product.output()).not.toMatch(/forbidden|events cannot be written/i);
  });
});

/** What the chart binds to its account, with leave to write events. */
async function rightsOfChart(bin: string): Promise<readonly KubeObject[]> {
  const helm = createHelm(bin);
  try {
    const objects = await helm.render({ values: { rbac: { events: true } }, namespace: GATEKEEPER_NAMESPACE });
    return objects.filter(({ apiVersion }) => apiVersion.startsWith('rbac.authorization.k8s.io/'));
  } finally {
    helm.dispose();
  }
}

function inNamespace(namespace: string): (mutator: KubeObject) => KubeObject {
  return (mutator) => ({
    ...mutator,
    spec: { ...Object(mutator.spec), match: { ...Object(mutator.spec).match, namespaces: [namespace] } },
  });
}

/** What the rig declares for the cluster, as a namespace would, with the name of a namespaced kind. */
function inTenant(namespace: string): (object: KubeObject) => KubeObject {
  return ({ kind, metadata, spec }) => {
    const text = JSON.stringify(spec).replaceAll('"rig-root"', `"${namespace}/rig-root"`);
    return tenantObject(`Namespaced${kind}`, namespace, metadata.name ?? '', JSON.parse(text));
  };
}
