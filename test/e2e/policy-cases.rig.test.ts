// @rig cluster, gatekeeper
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { POLICIES } from '../../policies/generate.ts';
import { type ScriptedProvider, startScriptedProvider } from '../fakes/scripted-provider.ts';
import { CASES, type PolicyCase, pod } from '../policies/cases.ts';
import { issueProviderCertificate } from '../rig/cluster/certificates.ts';
import { type Admission, admitted, type KubeObject } from '../rig/cluster/kube-client.ts';
import { type Cluster, startCluster } from '../rig/cluster.ts';
import { applyPolicies } from '../rig/gatekeeper/policies.ts';
import { providerObject } from '../rig/gatekeeper/providers.ts';
import { type Gatekeeper, startGatekeeper } from '../rig/gatekeeper.ts';

const BUILD_WITHIN_MS = 60 * 60_000;
const FOLDER = join(import.meta.dirname, '../../policies');
const PROVIDER = 'scripted-provider';
const DENIED = 'admission webhook "validation.gatekeeper.sh" denied the request: ';

const objectsOf = (file: string): readonly KubeObject[] =>
  parseAllDocuments(readFileSync(join(FOLDER, file), 'utf8')).map((document) => document.toJS() as KubeObject);
const yamlFiles = (folder: string): readonly string[] =>
  readdirSync(join(FOLDER, folder))
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => join(folder, file));

/** Cases that one constraint is for: those with the same policy and parameters. */
interface Group {
  readonly name: string;
  readonly constraint: KubeObject;
}

function groupOf({ policy, parameters = {} }: PolicyCase): string {
  return `${policy}-${Buffer.from(JSON.stringify(parameters)).toString('hex').slice(-40)}`;
}

const kinds: Readonly<Record<PolicyCase['policy'], string>> = {
  'verified-images': 'CountersignVerifiedImages',
  'digest-only': 'CountersignDigestOnly',
};

const groups: readonly Group[] = [...new Map(CASES.map((one) => [groupOf(one), one])).entries()].map(([name, { policy, parameters }]) => ({
  name,
  constraint: constraint(kinds[policy], name, 'deny', { ...(policy === 'verified-images' ? { provider: PROVIDER } : {}), ...parameters }),
}));

/** Looks at what has its name as a label. */
function constraint(kind: string, name: string, action: 'deny' | 'warn', parameters: Readonly<Record<string, unknown>>): KubeObject {
  return {
    apiVersion: 'constraints.gatekeeper.sh/v1beta1',
    kind,
    metadata: { name },
    spec: { enforcementAction: action, match: { labelSelector: { matchLabels: { case: name } } }, parameters },
  };
}

describe('the policies before a real Gatekeeper', () => {
  let cluster: Cluster;
  let gatekeeper: Gatekeeper;
  let provider: ScriptedProvider;

  beforeAll(async () => {
    cluster = await startCluster({ onProgress: console.log });
    gatekeeper = await startGatekeeper(cluster, { flags: ['--max-serving-threads=20'], onProgress: console.log });
    const certificate = issueProviderCertificate();
    provider = await startScriptedProvider({ ...certificate, clientCa: gatekeeper.ca });
    cluster.beforeStop(provider.stop);
    const url = `https://${provider.address}/verify`;
    await applyPolicies(cluster.client, gatekeeper.pods, [
      providerObject({ name: PROVIDER, url, ca: certificate.ca, timeoutSeconds: 2 }),
      ...POLICIES.flatMap((policy) => objectsOf(`${policy}/template.yaml`)),
      ...groups.map((group) => group.constraint),
      constraint('CountersignVerifiedImages', 'warned', 'warn', { provider: PROVIDER }),
      constraint('CountersignVerifiedImages', 'nobody', 'deny', { provider: 'no-such-provider' }),
    ]);
  }, BUILD_WITHIN_MS);

  afterAll(() => cluster?.stop());

  const create = (object: KubeObject, label: string): Promise<Admission> =>
    cluster.client.create({ ...object, metadata: { ...object.metadata, labels: { case: label } } }, { dryRun: true });

  /** What the constraint said, a line each. */
  function linesOf({ message }: Admission, name: string): readonly string[] {
    if (message === '') return [];
    return message
      .slice(message.indexOf(DENIED) + DENIED.length)
      .split('\n')
      .map((line) => line.replace(`[${name}] `, ''))
      .sort();
  }

  it.each(CASES)('$policy: $name', async (one) => {
    const name = groupOf(one);
    const admission = await create(one.object, name);
    expect(linesOf(admission, name)).toEqual(one.says.map((line) => (typeof line === 'string' ? line : expect.stringMatching(line))));
    expect(admission.admitted).toBe(one.says.length === 0);
  });

  it('rig a1: says the same from the cache of Gatekeeper, where the status is 0', async () => {
    const name = groupOf(CASES[0] as PolicyCase);
    const once = await create(pod('toy.local/twice-deny:1'), name);
    provider.takeCalls();
    const again = await create(pod('toy.local/twice-deny:1'), name);
    expect(provider.takeCalls()).toEqual([]);
    expect(again).toEqual(once);
    expect(again.admitted).toBe(false);
  });

  it('rig e2: denies within the time of the webhook what the provider answers too late', async () => {
    const name = groupOf(CASES[0] as PolicyCase);
    const admission = await create(pod('toy.local/slow9000:1'), name);
    expect(linesOf(admission, name)).toEqual([
      expect.stringMatching(
        /^unavailable PROVIDER_UNREACHABLE containers\[c0\] toy\.local\/slow9000:1: failed to send external data request/,
      ),
    ]);
  });

  it('denies as set up wrongly what no Provider is there for', async () => {
    const admission = await create(pod('toy.local/good:1'), 'nobody');
    expect(linesOf(admission, 'nobody')).toEqual([
      'misconfigured PROVIDER_FAILED containers[c0] toy.local/good:1: key is not found in provider cache',
    ]);
  });

  it('rig g3: warns of an image whose name has control characters, which no warning may have', async () => {
    const { admitted: ok, warnings } = await create(pod('a\tb\nc\u0007d'), 'warned');
    expect({ ok, warnings }).toEqual({
      ok: true,
      warnings: [
        '[warned] refused INVALID_REFERENCE containers[c0] a?b?c?d: expected an image reference in printable ASCII, found other characters',
      ],
    });
  });

  it('rig f2, g3: shows each of twenty warnings whole', async () => {
    const images = Array.from({ length: 20 }, (_, index) => `toy.local/longmsg900-deny-${String(index).padStart(2, '0')}-longmsg900:1`);
    const { warnings } = await create(pod(...images), 'warned');
    expect(warnings.length).toBeGreaterThanOrEqual(18);
    for (const warning of warnings) expect(Buffer.byteLength(warning)).toBeLessThanOrEqual(256);
  });

  it('A-T-20 decides on 200 containers in time, and refuses more unseen', async () => {
    const name = groupOf(CASES[0] as PolicyCase);
    const many = await create(pod(...Array.from({ length: 200 }, (_, index) => `toy.local/many-deny:${index}`)), name);
    expect(linesOf(many, name)).toHaveLength(200);
    const more = await create(pod(...Array.from({ length: 201 }, (_, index) => `toy.local/many-deny:${index}`)), name);
    expect(linesOf(more, name)).toEqual(['refused TOO_MANY_IMAGES: expected at most 200 images in one resource, found 201']);
  });

  it.each(
    POLICIES.flatMap((policy) => [...yamlFiles(policy), ...yamlFiles(`${policy}/samples`)]).filter((file) =>
      /constraint|samples/.test(file),
    ),
  )('the API server takes %s', async (file) => {
    for (const object of objectsOf(file)) expect(admitted(await cluster.client.create(object, { dryRun: true })).kind).toBe(object.kind);
  });

  it.each([
    [{ outcomes: [] }, 'spec.parameters.outcomes'],
    [{ outcomes: ['Refused'] }, 'spec.parameters.outcomes[0]: Unsupported value: "Refused"'],
    [{ onUpdate: 'never' }, 'spec.parameters.onUpdate: Unsupported value: "never"'],
    [{ exemptions: [{}] }, 'spec.parameters.exemptions[0].images: Required value'],
    [{ exemptions: [{ images: ['*'] }] }, 'spec.parameters.exemptions[0].images[0]'],
    [{ exemptions: [{ images: ['registry.example*'] }] }, 'spec.parameters.exemptions[0].images[0]'],
    [{ exemptions: [{ images: ['a/*'], namespaces: [] }] }, 'spec.parameters.exemptions[0].namespaces'],
  ])('the API server refuses the parameters %j', async (parameters, where) => {
    const { admitted: ok, message } = await cluster.client.create(constraint('CountersignVerifiedImages', 'odd', 'deny', parameters), {
      dryRun: true,
    });
    expect({ ok, message }).toEqual({ ok: false, message: expect.stringContaining(where) });
  });
});
