// @rig olareg, notation, cluster, gatekeeper
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { admitted, type KubeObject } from '../rig/cluster/kube-client.ts';
import type { PushedImage } from '../rig/signed-images.ts';
import { eventually } from '../rig/wait.ts';
import { createNamespaces, deployment, pod } from '../rig/workloads.ts';
import { startWorld, type World } from '../rig/world.ts';
import { ODD_IMAGES } from './odd-images.ts';
import { constraint, readObjects } from './policies.ts';

const BUILD_WITHIN_MS = 40 * 60_000;
const DENIED = 'admission webhook "validation.gatekeeper.sh" denied the request: ';
/** Of a webhook that waits 3 s. */
const LATE_MS = 2900;
const KIND = 'CountersignVerifiedImages';

interface Workload extends KubeObject {
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason: string; readonly message: string }[];
  };
}

interface Constraint extends KubeObject {
  readonly status?: {
    readonly auditTimestamp?: string;
    readonly totalViolations?: number;
    readonly violations?: readonly {
      readonly kind: string;
      readonly name: string;
      readonly message: string;
      readonly enforcementAction: string;
    }[];
  };
}

describe('Pods before Gatekeeper and Countersign', () => {
  let world: World;
  let signed: PushedImage;
  let unsigned: PushedImage;
  /** What an unsigned image's user reads. */
  let sentence: string;

  beforeAll(async () => {
    world = await startWorld();
    const { images, cluster, declare } = world;
    signed = await images.pushSigned('app:signed');
    unsigned = await images.push('app:unsigned');
    const why = `no signature: ${images.host}/app@${unsigned.digest.slice(0, 'sha256:'.length + 12)}; looked for application/vnd.cncf.notary.signature`;
    sentence = `refused NO_SIGNATURES containers[c0] ${unsigned.reference}: ${why}; sign it with notation sign`;
    await createNamespaces(cluster.client, 'enforced', 'warned', 'tried', 'free', 'strict', 'compliance');
    const provider = { provider: 'countersign-provider' };
    await declare(
      ...readObjects('policies/verified-images/template.yaml'),
      constraint({ kind: KIND, name: 'enforced', namespaces: ['enforced'], parameters: provider }),
      constraint({ kind: KIND, name: 'warned', namespaces: ['warned'], action: 'warn', parameters: provider }),
      constraint({ kind: KIND, name: 'tried', namespaces: ['tried'], action: 'dryrun', parameters: provider }),
      ...readObjects('test/e2e/ratify-library/default.yaml'),
    );
  }, BUILD_WITHIN_MS);

  afterAll(() => world?.stop());

  const create = (namespace: string, name: string, ...images: readonly string[]) =>
    world.cluster.client.create(pod(namespace, name, ...images), { dryRun: true });

  it('63: admits a signed image, and again from the cache of Gatekeeper', async () => {
    expect(await create('enforced', 'signed', signed.reference)).toMatchObject({ admitted: true, warnings: [] });
    expect(await create('enforced', 'signed', signed.reference)).toMatchObject({ admitted: true, warnings: [] });
  });

  it('63: denies an unsigned image with its sentence, and again from the cache of Gatekeeper', async () => {
    const first = await create('enforced', 'unsigned', unsigned.reference);
    const second = await create('enforced', 'unsigned', unsigned.reference);
    expect(first).toMatchObject({ admitted: false, status: 403 });
    expect(first.message).toBe(`${DENIED}[enforced] ${sentence}`);
    expect(second.message).toBe(first.message);
  });

  it('shows the sentence to whoever uses kubectl, word for word', async () => {
    const file = join(world.cluster.folder, 'pod.json');
    writeFileSync(file, JSON.stringify(pod('enforced', 'unsigned', unsigned.reference)));
    const { code, stderr, stdout } = await world.cluster.kubectl('create', '-f', file);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toBe(`Error from server (Forbidden): error when creating "${file}": ${DENIED}[enforced] ${sentence}\n`);
  });

  it('has the whole of the details in the log of Gatekeeper', async () => {
    const lines = await eventually('logged', async () => {
      const found = readFileSync(world.cluster.log('gatekeeper'), 'utf8')
        .split('\n')
        .filter((line) => line.includes('"event_type":"violation"'));
      return found.length > 0 ? found.map((line) => JSON.parse(line)) : undefined;
    });
    expect(lines[0]).toMatchObject({
      process: 'admission',
      constraint_name: 'enforced',
      request_username: 'rig-admin',
      details: { outcome: 'refused', code: 'NO_SIGNATURES', image: unsigned.reference, digest: unsigned.digest },
    });
  });

  it('names only what is refused of several images, each at its place', async () => {
    const { admitted: ok, message } = await create('enforced', 'several', signed.reference, unsigned.reference, unsigned.reference);
    expect(ok).toBe(false);
    expect(message).toContain('containers[c1]');
    expect(message).toContain('containers[c2]');
    expect(message).not.toContain('containers[c0]');
  });

  it('A4.2 shows the sentence in the condition of a Deployment, which itself is admitted', async () => {
    const { client } = world.cluster;
    admitted(await client.create(deployment('enforced', 'unsigned', unsigned.reference)));
    const target = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'enforced', name: 'unsigned' };
    const failure = await eventually('a ReplicaFailure', async () =>
      (await client.get<Workload>(target))?.status?.conditions?.find(({ type }) => type === 'ReplicaFailure'),
    );
    expect(failure).toMatchObject({ status: 'True', reason: 'FailedCreate' });
    expect(failure.message).toContain(`[enforced] ${sentence}`);
    const replicaSet = await world.cluster.kubectl(
      ...['get', 'replicaset', '-n', 'enforced', '-l', 'app=unsigned', '-o', 'jsonpath={.items[*].status.conditions[*].message}'],
    );
    expect(replicaSet.stdout).toContain(`[enforced] ${sentence}`);
  });

  it('makes the Pods of a Deployment whose image is signed', async () => {
    const { client } = world.cluster;
    admitted(await client.create(deployment('enforced', 'signed', signed.reference)));
    const made = await eventually('a Pod', async () =>
      (await client.list({ kind: 'Pod', namespace: 'enforced' })).find(({ metadata }) => metadata.name?.startsWith('signed-')),
    );
    expect(made.spec).toMatchObject({ containers: [{ image: signed.reference }] });
  });

  it('warns where the constraint only warns, and kubectl shows it', async () => {
    const { admitted: ok, warnings } = await create('warned', 'unsigned', unsigned.reference);
    expect({ ok, warnings }).toEqual({ ok: true, warnings: [`[warned] ${sentence}`] });
    const { code, stdout, stderr } = await world.cluster.kubectl('run', 'unsigned', '-n', 'warned', '--image', unsigned.reference);
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'pod/unsigned created\n' });
    expect(stderr).toBe(`Warning: ${warnings[0]?.replace('containers[c0]', 'containers[unsigned]')}\n`);
  });

  it('says nothing where the constraint is only tried', async () => {
    expect(await create('tried', 'unsigned', unsigned.reference)).toMatchObject({ admitted: true, warnings: [] });
  });

  it('asks nothing about a namespace that no constraint names', async () => {
    expect(await create('free', 'unsigned', unsigned.reference)).toMatchObject({ admitted: true, warnings: [] });
  });

  it.each(['warned', 'tried'])('lists what runs against the policy in the status of the constraint %s, by its audit', async (name) => {
    const { client } = world.cluster;
    admitted(await client.apply(pod(name, 'runs', unsigned.reference)));
    const since = new Date().toISOString();
    const target = { apiVersion: 'constraints.gatekeeper.sh/v1beta1', kind: KIND, name };
    const status = await eventually('audited', async () => {
      const { status: seen } = (await client.get<Constraint>(target)) ?? {};
      return seen?.auditTimestamp !== undefined && seen.auditTimestamp > since ? seen : undefined;
    });
    const listed = status.violations?.find((violation) => violation.name === 'runs');
    expect(listed).toMatchObject({ enforcementAction: name === 'warned' ? 'warn' : 'dryrun', message: sentence });
    expect(status.totalViolations).toBe(status.violations?.length);
  });

  it('A1.10 lists by the audit each place of each workload whose image is not compliant or not known, and no other', async () => {
    const { client } = world.cluster;
    const { host } = world.images;
    const [worse, spared] = await Promise.all(['app:worse', 'spared:image'].map((name) => world.images.push(name)));
    const away = 'localhost:1/not/there:1';
    const pods = { mixed: [unsigned.reference, signed.reference, worse?.reference ?? ''], good: [signed.reference], away: [away] };
    for (const [name, images] of Object.entries({ ...pods, spared: [spared?.reference ?? ''] }))
      admitted(await client.create(pod('compliance', name, ...images)));
    admitted(await client.create(deployment('compliance', 'web', unsigned.reference)));
    const kinds = [
      { apiGroups: [''], kinds: ['Pod'] },
      { apiGroups: ['apps'], kinds: ['Deployment'] },
    ];
    const parameters = { provider: 'countersign-provider', exemptions: [{ images: [`${host}/spared`] }] };
    await world.declare(constraint({ kind: KIND, name: 'compliance', namespaces: ['compliance'], kinds, action: 'dryrun', parameters }));
    const target = { apiVersion: 'constraints.gatekeeper.sh/v1beta1', kind: KIND, name: 'compliance' };
    const status = await eventually('audited', async () => {
      const { status: seen } = (await client.get<Constraint>(target)) ?? {};
      return seen?.totalViolations === 5 ? seen : undefined;
    });
    const row = ({ kind, name, message }: { readonly kind: string; readonly name: string; readonly message: string }) =>
      `${kind} ${name.replace(/-.*/, '-*')} ${message.replace(/: .*/, '')}`;
    expect(status.violations?.map(row).sort()).toEqual([
      `Deployment web refused NO_SIGNATURES containers[c0] ${unsigned.reference}`,
      `Pod away unavailable REGISTRY_UNREACHABLE containers[c0] ${away}`,
      `Pod mixed refused NO_SIGNATURES containers[c0] ${unsigned.reference}`,
      `Pod mixed refused NO_SIGNATURES containers[c2] ${worse?.reference}`,
      `Pod web-* refused NO_SIGNATURES containers[c0] ${unsigned.reference}`,
    ]);
    const { stdout } = await world.cluster.kubectl('describe', KIND.toLowerCase(), 'compliance');
    const described = stdout.replace(/\s+/g, ' ');
    expect(described).toContain('Total Violations: 5');
    expect(described).toContain(`Message: ${sentence}`);
    expect(described).toContain(`Message: unavailable REGISTRY_UNREACHABLE containers[c0] ${away}: `);
  });

  it('73, A-T-08: denies `kubectl debug` with an unsigned image and admits a signed one', async () => {
    const { client } = world.cluster;
    const target = { kind: 'Pod', namespace: 'enforced', name: 'debugged' };
    admitted(await client.create(pod('enforced', 'debugged', signed.reference)));
    const debug = (image: string) =>
      client.patch(
        { ...target, subresource: 'ephemeralcontainers' },
        { spec: { ephemeralContainers: [{ name: 'debug', image }] } },
        { dryRun: true },
      );
    const denied = await debug(unsigned.reference);
    expect(denied.message).toContain(`[enforced] ${sentence.replace('containers[c0]', 'ephemeralContainers[debug]')}`);
    expect(await debug(signed.reference)).toMatchObject({ admitted: true });
  });

  it('73: lets a Pod be labelled and deleted whose image would be refused today', async () => {
    const { client } = world.cluster;
    const target = { kind: 'Pod', namespace: 'warned', name: 'old' };
    admitted(await client.create(pod('warned', 'old', unsigned.reference)));
    const labelled = await client.patch(target, { metadata: { labels: { seen: 'yes' } } });
    expect({ admitted: labelled.admitted, warnings: labelled.warnings }).toEqual({ admitted: true, warnings: [] });
    expect(await client.delete(target)).toMatchObject({ admitted: true, warnings: [] });
  });

  it.each([
    ['a bell', '\u0007'],
    ['a delete character', '\u007f'],
    ['a tag character', '\u{e0001}'],
  ])('67: denies a Pod with %s in an image beside an unsigned one, and says both', async (_, character) => {
    const { admitted: ok, message } = await create('enforced', 'odd', unsigned.reference, `x${character}`);
    expect(ok).toBe(false);
    expect(message).toContain(`[enforced] ${sentence}`);
    expect(message).toContain('refused INVALID_REFERENCE containers[c1] x?: ');
  });

  it.each(ODD_IMAGES)('%s is denied', async (_, image, code) => {
    const { admitted: ok, message } = await create(
      'enforced',
      'odd',
      image({ host: world.images.host, signed: signed.digest, unsigned: unsigned.digest }),
    );
    expect({ ok, message }).toEqual({ ok: false, message: expect.stringContaining(`[enforced] refused ${code} containers[c0] `) });
    expect(message).toMatch(/^[ -~]*$/);
  });

  it('A-T-11 a signed digest is admitted whatever the tag beside it', async () => {
    expect(await create('enforced', 'odd', `${unsigned.reference}@${signed.digest}`)).toMatchObject({ admitted: true });
  });

  it('A-T-21 denies an unsigned image whatever the Pod says of itself', async () => {
    const claims = { 'countersign.dev/verified': 'true', 'break-glass': 'true', 'admission.gatekeeper.sh/ignore': 'true' };
    const made = pod('enforced', 'claims', unsigned.reference);
    const metadata = { ...made.metadata, labels: claims, annotations: claims };
    const { message } = await world.cluster.client.create({ ...made, metadata }, { dryRun: true });
    expect(message).toBe(`${DENIED}[enforced] ${sentence}`);
  });

  it('A-T-19 denies an image whose registry answers at the last moment, in time even where lateness admits, and judges the others', async () => {
    const late = createServer((_, response) => void setTimeout(() => response.end(), LATE_MS));
    late.listen(0, '127.0.0.1');
    await once(late, 'listening');
    const { port } = late.address() as AddressInfo;
    await world.gatekeeper.setFailurePolicy('Ignore');
    try {
      const { admitted: ok, message } = await create('enforced', 'late', signed.reference, `localhost:${port}/app:1`, unsigned.reference);
      expect({ ok, message }).toEqual({
        ok: false,
        message: expect.stringContaining(`[enforced] unavailable DEADLINE_EXCEEDED containers[c1] localhost:${port}/app:1: `),
      });
      expect(message).toContain(`[enforced] ${sentence.replace('containers[c0]', 'containers[c2]')}`);
      expect(message).not.toContain('containers[c0]');
    } finally {
      await world.gatekeeper.setFailurePolicy('Fail');
      late.closeAllConnections();
      late.close();
    }
  });

  it('works under the template of Ratify as it is', async () => {
    expect(await create('default', 'signed', signed.reference)).toMatchObject({ admitted: true });
    const { message } = await create('default', 'unsigned', unsigned.reference);
    expect(message).toMatch(/\[ratify-constraint\] Time=\S+, failed to verify the artifact: \S+, trace-id: [0-9a-f-]{36}$/);
    expect(message).toContain(`failed to verify the artifact: ${unsigned.reference}, `);
  });

  it('65: denies as unavailable, not as unsigned, while the product is away, and admits at once when it is back', async () => {
    const { images, product } = world;
    const fresh = await images.pushSigned('app:while-away');
    await product.stop();
    const away = await create('enforced', 'away', fresh.reference);
    const underRatify = await create('default', 'away', fresh.reference);
    await product.start();
    expect(away.admitted).toBe(false);
    expect(away.message).toContain(
      `[enforced] unavailable PROVIDER_UNREACHABLE containers[c0] ${fresh.reference}: failed to send external data request: `,
    );
    expect(away.message).not.toMatch(/\] refused |not signed/);
    expect(underRatify.message).toContain(
      '[ratify-constraint] System error calling external data provider: failed to send external data request: ',
    );
    expect(await create('enforced', 'back', fresh.reference)).toMatchObject({ admitted: true });
  });

  it('70: admits an image that was signed after it had been denied, within the times that the caches keep', async () => {
    const { images, gatekeeper } = world;
    await gatekeeper.restart({ responseCacheTtl: '1s' });
    const late = await images.push('app:signed-late');
    expect(await create('enforced', 'late', late.reference)).toMatchObject({ admitted: false });
    await images.sign(late);
    const answer = await eventually('admitted', async () => {
      const { admitted: ok } = await create('enforced', 'late', late.reference);
      return ok || undefined;
    });
    expect(answer).toBe(true);
  });

  it('73: does with a label on a Pod whose signer is trusted no more as the constraint says', async () => {
    const { images, declare, declarations, cluster, product } = world;
    const strict = {
      kind: KIND,
      name: 'strict',
      namespaces: ['strict'],
      parameters: { provider: 'countersign-provider', onUpdate: 'all' },
    };
    await declare(constraint(strict));
    const run = async (namespace: string) => admitted(await cluster.client.create(pod(namespace, 'trusted-once', signed.reference)));
    const label = (namespace: string) =>
      cluster.client.patch({ kind: 'Pod', namespace, name: 'trusted-once' }, { metadata: { labels: { seen: namespace } } });
    await Promise.all(['strict', 'enforced'].map(run));
    await declarations.apply(await images.trustInStranger());
    const refused = await eventually('refused', async () => {
      const { admitted: ok, message } = await label('strict');
      return ok ? undefined : message;
    });
    expect(refused).toContain(`[strict] refused SIGNER_UNTRUSTED containers[c0] ${signed.reference}: `);
    expect(await label('enforced')).toMatchObject({ admitted: true });
    expect(product.output()).toContain('configuration applied');
  });

  it('rig k: denies a Deployment itself where an ExpansionTemplate makes its Pods be looked at', async () => {
    const { declare, cluster } = world;
    const applyTo = [{ groups: ['apps'], kinds: ['Deployment'], versions: ['v1'] }];
    const spec = { applyTo, templateSource: 'spec.template', generatedGVK: { group: '', version: 'v1', kind: 'Pod' } };
    await declare({
      apiVersion: 'expansion.gatekeeper.sh/v1beta1',
      kind: 'ExpansionTemplate',
      metadata: { name: 'expand-workloads' },
      spec,
    });
    const message = await eventually('denied', async () => {
      const answer = await cluster.client.create(deployment('enforced', 'expanded', unsigned.reference), { dryRun: true });
      return answer.admitted ? undefined : answer.message;
    });
    expect(message).toContain(`[enforced] [Implied by expand-workloads] ${sentence}`);
  });

  it('denies as unavailable while the registry is away', async () => {
    const { images } = world;
    await images.stopRegistry();
    const { message } = await create('enforced', 'no-registry', `${images.host}/app:never-seen`);
    expect(message).toContain(`[enforced] unavailable REGISTRY_UNREACHABLE containers[c0] ${images.host}/app:never-seen: `);
  });
});
