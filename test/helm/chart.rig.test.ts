// @rig helm
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { policyOf } from '../../src/cli/policy.ts';
import { loadFiles } from '../../src/config/files.ts';
import { OBJECT_KINDS } from '../../src/config/schema/kinds.ts';
import { loadSettings, type Settings } from '../../src/config/settings.ts';
import { ensureTools } from '../rig/build.ts';
import { CHART, createHelm, type Helm, objectsOf, one, type Rendered, type RenderOptions } from './helm.ts';

const BUILD_WITHIN_MS = 20 * 60_000;
const SAMPLES = readdirSync(join(CHART, 'samples')).filter((file) => file.endsWith('.yaml'));
const ROOT = join(CHART, '..');
const CERTIFICATE = String(parse(readFileSync(join(CHART, 'samples/minimal.yaml'), 'utf8')).notationCerts[0]);
const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`;
const tls = (values: Readonly<Record<string, unknown>>) => ({ provider: { tls: values } });
const given = (more: Readonly<Record<string, unknown>>) => tls({ crt: CERTIFICATE, key: 'KEY', cabundle: CERTIFICATE, ...more });
const ROTATION = { featureFlags: { RATIFY_CERT_ROTATION: true } };
const names = (objects: readonly Rendered[], kind: string) =>
  objects.filter((object) => object.kind === kind).map(({ metadata }) => metadata.name);

describe('the chart', () => {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-chart-'));
  let helm: Helm;

  beforeAll(async () => {
    helm = createHelm((await ensureTools(['helm'], console.log)).helm);
  }, BUILD_WITHIN_MS);

  afterAll(() => {
    helm?.dispose();
    rmSync(folder, { recursive: true, force: true });
  });

  const sample = (file: string): RenderOptions => ({ file: join(CHART, 'samples', file) });
  const container = async (options?: RenderOptions) => one(await helm.render(options), 'Deployment').spec.template.spec.containers[0];
  const settingsOf = async (objects: readonly Rendered[]): Promise<Settings> => {
    const file = join(folder, 'settings.yaml');
    writeFileSync(file, one(objects, 'ConfigMap').data['settings.yaml']);
    return loadSettings(file);
  };

  describe.each([['no values', {}], ...SAMPLES.map((file) => [file, sample(file)] as const)])('with %s', (_, options) => {
    let objects: readonly Rendered[];

    beforeAll(async () => {
      objects = await helm.render(options);
    });

    it('passes the linter', async () => {
      const values = 'file' in options ? ['--values', options.file] : [];
      const { code, stdout } = await helm.run(
        'lint',
        CHART,
        '--strict',
        '--namespace',
        'gatekeeper-system',
        '--kube-version',
        '1.36.3',
        ...values,
      );
      expect({ code, failed: stdout.match(/\[(?:ERROR|WARNING)\].*/g) }).toEqual({ code: 0, failed: null });
    });

    it('runs as a user of its own, without a capability, on a file system that is read-only', () => {
      const { spec } = one(objects, 'Deployment').spec.template;
      expect(spec.securityContext).toEqual({
        runAsNonRoot: true,
        runAsUser: 65532,
        runAsGroup: 65532,
        fsGroup: 65532,
        seccompProfile: { type: 'RuntimeDefault' },
      });
      expect(spec.containers).toHaveLength(1);
      expect(spec.containers[0].securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
      expect(spec.hostNetwork ?? spec.hostPID ?? spec.hostIPC ?? false).toBe(false);
      expect(JSON.stringify(spec.volumes)).not.toContain('hostPath');
    });

    it('is asked about its health on the admin port', () => {
      const [{ livenessProbe, readinessProbe, startupProbe, ports }] = one(objects, 'Deployment').spec.template.spec.containers;
      expect(startupProbe.httpGet).toEqual({ path: '/healthz', port: 'admin' });
      expect(livenessProbe.httpGet).toEqual({ path: '/healthz', port: 'admin' });
      expect(readinessProbe.httpGet).toEqual({ path: '/readyz', port: 'admin' });
      expect(ports.map(({ name }: { name: string }) => name)).toEqual(['provider', 'admin']);
    });

    it('has every budget inside the next: webhook, Provider, its own deadline', async () => {
      const settings = await settingsOf(objects);
      expect(settings.warnings).toEqual([]);
      for (const { metadata, spec } of objects.filter(({ kind }) => kind === 'Provider')) {
        const { webhookMs, providerMs, deadlineMs } = metadata.name.includes('mutation') ? settings.mutating : settings.validating;
        expect([metadata.name, spec.timeout * 1000]).toEqual([metadata.name, providerMs]);
        expect(webhookMs).toBeGreaterThan(providerMs);
        expect(providerMs).toBeGreaterThan(deadlineMs);
        expect(spec.timeout).toBeGreaterThanOrEqual(1);
      }
    });

    it('serves each Provider at the host and the path in its URL', () => {
      const service = one(objects, 'Service');
      for (const { metadata, spec } of objects.filter(({ kind }) => kind === 'Provider')) {
        const url = new URL(spec.url);
        expect(url.host).toBe(`${service.metadata.name}.gatekeeper-system.svc:6001`);
        const action = metadata.name.includes('mutation') ? 'mutate' : 'verify';
        expect(url.pathname).toBe(metadata.name.startsWith('ratify') ? `/ratify/gatekeeper/v1/${action}` : `/countersign/v1/${action}`);
        expect(() => new X509Certificate(Buffer.from(spec.caBundle, 'base64'))).not.toThrow();
      }
    });

    it('may read what is declared and write its status; beyond that, only keep a certificate that it makes itself', () => {
      const { rules } = one(objects, 'ClusterRole');
      const families = ['config.ratify.deislabs.io', 'countersign.dev', 'kritis.grafeas.io'].flatMap((group) => {
        const resources = OBJECT_KINDS.filter((kind) => kind.group === group).map(({ plural }) => plural);
        return [
          { apiGroups: [group], resources: resources.toSorted(), verbs: ['list', 'watch'] },
          { apiGroups: [group], resources: resources.map((plural) => `${plural}/status`).toSorted(), verbs: ['patch'] },
        ];
      });
      const sorted = (rule: { readonly resources: readonly string[] }) => ({ ...rule, resources: rule.resources.toSorted() });
      expect(rules.slice(0, families.length).map(sorted)).toEqual(families);
      const more = rules.slice(families.length);
      const own = names(objects, 'Secret').filter((name) => name === 'countersign-serving');
      expect(more).toEqual(
        own.map(() => ({
          apiGroups: ['externaldata.gatekeeper.sh'],
          resources: ['providers'],
          resourceNames: names(objects, 'Provider'),
          verbs: ['get', 'patch'],
        })),
      );
      const roles = objects.filter(({ kind, metadata }) => kind === 'Role' && metadata.namespace !== 'kube-system');
      expect(roles.map(({ metadata, rules }) => [metadata.namespace, rules])).toEqual(
        own.map((secret) => [
          'gatekeeper-system',
          [{ apiGroups: [''], resources: ['secrets'], resourceNames: [secret], verbs: ['get', 'update'] }],
        ]),
      );
    });

    it('may write events where kritis does only where that is asked for', async () => {
      const roles = (rendered: readonly Rendered[]) =>
        rendered.filter(({ kind, metadata }) => kind === 'Role' && metadata.namespace === 'kube-system');
      const asks = 'file' in options && parse(readFileSync(options.file ?? '', 'utf8')).rbac?.events === true;
      expect(roles(objects)).toHaveLength(asks ? 1 : 0);
      const asked = await helm.render({ ...options, values: { rbac: { events: true } } });
      expect(roles(asked).map(({ rules }) => rules)).toEqual([[{ apiGroups: [''], resources: ['events'], verbs: ['create', 'patch'] }]]);
    });

    it('has settings of families that are understood', async () => {
      const settings = await settingsOf(objects);
      expect(() => policyOf(settings)).not.toThrow();
    });

    it('names a certificate in its arguments or has it made, not both', async () => {
      const { args } = one(objects, 'Deployment').spec.template.spec.containers[0];
      const named = args.filter((arg: string) => arg.startsWith('--tls-'));
      const { servingCertificate: made } = await settingsOf(objects);
      expect(named.length).toBe(made === undefined ? 2 : 0);
      if (made === undefined) return;
      expect(made.hosts).toContain(new URL(one(objects, 'Provider', 'countersign-provider').spec.url).hostname);
      expect(made.providers).toEqual(names(objects, 'Provider'));
      expect(one(objects, 'Secret', made.secret).data).toBeUndefined();
    });

    it('does not have its token lie about: only the Pod that needs it mounts it', () => {
      expect(one(objects, 'ServiceAccount').automountServiceAccountToken).toBe(false);
      expect(one(objects, 'Deployment').spec.template.spec.automountServiceAccountToken).toBe(true);
    });

    it('asks for a client certificate, and takes only the authority out of the Secret that Gatekeeper keeps its key in', () => {
      const { containers, volumes } = one(objects, 'Deployment').spec.template.spec;
      expect(containers[0].args).toContain('--client-ca=/etc/countersign/client-ca/ca.crt');
      const { configMap, secret } = volumes.find(({ name }: { name: string }) => name === 'client-ca');
      expect((configMap ?? secret).items.map(({ path }: { path: string }) => path)).toEqual(['ca.crt']);
      if (secret !== undefined) expect(secret).toMatchObject({ secretName: 'gatekeeper-webhook-server-cert', items: [{ key: 'ca.crt' }] });
    });

    it('is reached by Gatekeeper alone', () => {
      const [gatekeeper, ...others] = one(objects, 'NetworkPolicy').spec.ingress;
      expect(gatekeeper.ports).toEqual([{ protocol: 'TCP', port: 'provider' }]);
      expect(gatekeeper.from).toEqual([
        { namespaceSelector: expect.anything(), podSelector: { matchLabels: { 'gatekeeper.sh/system': 'yes' } } },
      ]);
      for (const { ports } of others) expect(ports).toEqual([{ protocol: 'TCP', port: 'admin' }]);
    });

    it('has only mounts of volumes that are there, all of them read-only', () => {
      const { containers, volumes } = one(objects, 'Deployment').spec.template.spec;
      const mounts: { name: string; readOnly: boolean }[] = containers[0].volumeMounts;
      expect(mounts.map(({ name }) => name).sort()).toEqual(volumes.map(({ name }: { name: string }) => name).sort());
      expect(mounts.every(({ readOnly }) => readOnly)).toBe(true);
    });

    it('declares objects that are read without an error', async () => {
      const declared = objects.filter(({ apiVersion }) => apiVersion.startsWith('config.ratify.deislabs.io/'));
      const file = join(folder, 'declared.yaml');
      writeFileSync(file, declared.map((object) => JSON.stringify(object)).join('\n---\n'));
      const { diagnostics } = await loadFiles(file, { ownNamespace: 'gatekeeper-system' });
      expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
    });
  });

  it('looks with families.yaml for statements where each family has them, and follows their kinds with nothing else declared', async () => {
    const objects = await helm.render(sample('families.yaml'));
    const families = [...(policyOf(await settingsOf(objects)).families ?? [])];
    expect(Object.fromEntries(families.map(([name, { sources }]) => [name, sources.map((source) => source.name)]))).toMatchObject({
      kritis: ['directory attestations[0]'],
      acr: ['acr attestations[0]'],
      oke: ['oci-signatures attestations[0]'],
    });
    expect(objects.filter(({ apiVersion }) => apiVersion.startsWith('config.ratify.deislabs.io/'))).toEqual([]);
    const [{ volumeMounts }] = one(objects, 'Deployment').spec.template.spec.containers;
    expect(volumeMounts.map(({ mountPath }: { mountPath: string }) => mountPath)).toEqual(
      expect.arrayContaining(['/var/lib/countersign/attestations', '/etc/oci']),
    );
  });

  it.each<[what: string, how: 'made' | 'mounted', values: Readonly<Record<string, unknown>>]>([
    ['no values', 'made', {}],
    ['Ratify’s switch', 'made', ROTATION],
    ['Ratify’s switch and a first certificate', 'made', { ...given({}), ...ROTATION }],
    ['Ratify’s switch off', 'made', { featureFlags: { RATIFY_CERT_ROTATION: false } }],
    ['a certificate', 'mounted', given({})],
    ['a certificate, but another source', 'made', given({ source: 'countersign' })],
    ['a Secret with one, and Ratify’s switch', 'mounted', { ...tls({ existingSecret: 'x', cabundle: CERTIFICATE }), ...ROTATION }],
    ['a Gatekeeper whose Providers it does not know', 'mounted', { gatekeeper: { version: '3.10.0' } }],
    ['Ratify’s switch and the chart as the source', 'mounted', { ...tls({ source: 'chart' }), ...ROTATION }],
  ])('has with %s its certificate %s', async (_, how, values) => {
    const { args } = await container({ values });
    expect(args.some((arg: string) => arg.startsWith('--tls-cert='))).toBe(how === 'mounted');
  });

  it('has a certificate made in the days and under the names that values say', async () => {
    const values = { provider: { tls: { source: 'countersign', days: 7 }, names: { verify: 'v', mutate: 'm' }, ratifyNames: false } };
    const objects = await helm.render({ values, release: 'gate', namespace: 'gatekeeper-system' });
    expect((await settingsOf(objects)).servingCertificate).toEqual({
      secret: 'gate-countersign-serving',
      hosts: [
        'gate-countersign.gatekeeper-system.svc',
        'gate-countersign.gatekeeper-system',
        'gate-countersign.gatekeeper-system.svc.cluster.local',
      ],
      providers: ['v', 'm'],
      days: 7,
    });
  });

  it('renders the same each time where Countersign makes the certificate, so that a tool without a cluster sees no change', async () => {
    expect(await helm.render()).toEqual(await helm.render());
  });

  it('lets the Providers trust nobody until Countersign says whom: what stands there is no authority, and over since 1970', async () => {
    for (const { spec } of (await helm.render()).filter(({ kind }) => kind === 'Provider')) {
      const { ca, validToDate } = new X509Certificate(Buffer.from(spec.caBundle, 'base64'));
      expect({ ca, until: validToDate.toISOString() }).toEqual({ ca: false, until: '1970-01-01T00:00:01.000Z' });
    }
  });

  it('makes a certificate for its host, signed by what the Providers trust', async () => {
    const objects = await helm.render({ values: tls({ source: 'chart' }) });
    const { data } = one(objects, 'Secret', 'countersign-tls');
    const serving = new X509Certificate(Buffer.from(data['tls.crt'], 'base64'));
    for (const { spec } of objects.filter(({ kind }) => kind === 'Provider')) {
      const authority = new X509Certificate(Buffer.from(spec.caBundle, 'base64'));
      expect(authority.ca && serving.verify(authority.publicKey)).toBe(true);
      expect(serving.checkHost(new URL(spec.url).hostname, { subject: 'never' })).toBeDefined();
    }
  });

  it('takes a certificate of its own in values, and Ratify’s base64 for its authority', async () => {
    const cabundle = Buffer.from(CERTIFICATE).toString('base64');
    const objects = await helm.render({ values: given({ cabundle }) });
    expect(one(objects, 'Secret', 'countersign-tls').data['tls.key']).toBe(Buffer.from('KEY').toString('base64'));
    for (const { spec } of objects.filter(({ kind }) => kind === 'Provider')) expect(spec.caBundle).toBe(cabundle);
  });

  it('asks cert-manager for a certificate, and makes no Secret', async () => {
    const objects = await helm.render(sample('cert-manager.yaml'));
    expect(one(objects, 'Certificate').spec).toMatchObject({
      secretName: 'countersign-tls',
      dnsNames: expect.arrayContaining(['countersign.gatekeeper-system.svc']),
      issuerRef: { kind: 'ClusterIssuer', name: 'platform' },
    });
    expect(names(objects, 'Secret')).toEqual([]);
  });

  it('runs the image by digest where there is one, and by the version of the chart where nothing is said', async () => {
    expect((await container()).image).toBe('countersign:0.1.0');
    expect((await container({ values: { image: { repository: 'registry.example.com/c', tag: 'x' } } })).image).toBe(
      'registry.example.com/c:x',
    );
    expect((await container(sample('production.yaml'))).image).toBe(`registry.example.com/platform/countersign@${DIGEST}`);
  });

  it('has a disruption budget from two replicas on', async () => {
    expect(names(await helm.render(), 'PodDisruptionBudget')).toEqual(['countersign']);
    expect(names(await helm.render({ values: { replicaCount: 1 } }), 'PodDisruptionBudget')).toEqual([]);
  });

  it('says loudly in its arguments that client authentication is off', async () => {
    const { args } = await container({ values: { clientAuth: { enabled: false } } });
    expect(args).toContain('--no-client-auth');
    expect(args.join(' ')).not.toContain('--client-ca');
  });

  it('may read Secrets where it is told to, and nowhere else', async () => {
    const objects = await helm.render({ values: { ...given({}), rbac: { secretNamespaces: ['team-a'] } } });
    expect(objects.filter(({ kind }) => kind === 'Role')).toMatchObject([
      { metadata: { namespace: 'team-a' }, rules: [{ apiGroups: [''], resources: ['secrets', 'serviceaccounts'], verbs: ['get'] }] },
    ]);
  });

  it('mounts docker’s configuration, given or in a Secret', async () => {
    const given = one(await helm.render({ values: { dockerConfig: '{}' } }), 'Deployment').spec.template.spec;
    expect(given.containers[0].env).toContainEqual({ name: 'DOCKER_CONFIG', value: '/etc/countersign/docker' });
    expect(given.volumes).toContainEqual({
      name: 'docker',
      secret: expect.objectContaining({
        secretName: 'countersign-dockerconfig',
        items: [{ key: '.dockerconfigjson', path: 'config.json' }],
      }),
    });
    const named = one(await helm.render({ values: { registryCredsSecret: 'mine' } }), 'Deployment').spec.template.spec;
    expect(named.volumes).toContainEqual({ name: 'docker', secret: expect.objectContaining({ secretName: 'mine' }) });
  });

  it('rolls out when a setting changes, and not when nothing does', async () => {
    const sum = async (values: Readonly<Record<string, unknown>>) =>
      one(await helm.render({ values }), 'Deployment').spec.template.metadata.annotations['checksum/settings'];
    expect(await sum({ settings: { freshnessSeconds: 5 } })).not.toBe(await sum({}));
    expect(await sum({ replicaCount: 3 })).toBe(await sum({}));
  });

  describe('mutation', () => {
    const assigns = (file: string) => objectsOf(readFileSync(join(ROOT, 'policies/pin-digests', file), 'utf8'));

    it('is off unless asked for', async () => {
      expect(names(await helm.render(), 'Assign')).toEqual([]);
    });

    it('pins as the objects in policies/pin-digests do', async () => {
      const values = { provider: { enableMutation: true, mutateEphemeralContainers: true } };
      const rendered = (await helm.render({ values })).filter(({ kind }) => kind === 'Assign');
      const byName = (objects: readonly Rendered[]) => Object.fromEntries(objects.map(({ metadata, spec }) => [metadata.name, spec]));
      expect(byName(rendered)).toEqual(byName([...assigns('pods.yaml'), ...assigns('ephemeral-containers.yaml')]));
    });

    it('cannot be kept to creations by a Gatekeeper before 3.23', async () => {
      const values = { gatekeeper: { version: '3.22.1' }, provider: { enableMutation: true } };
      const rendered = (await helm.render({ values })).filter(({ kind }) => kind === 'Assign');
      expect(rendered.flatMap(({ spec }) => spec.applyTo)).not.toContainEqual(expect.objectContaining({ operations: expect.anything() }));
    });

    it('pins pod templates too where asked, CronJobs included', async () => {
      const values = { provider: { enableMutation: true, mutateWorkloads: true } };
      const locations = (await helm.render({ values })).filter(({ kind }) => kind === 'Assign').map(({ spec }) => spec.location);
      expect(locations).toEqual(
        expect.arrayContaining([
          'spec.template.spec.containers[name:*].image',
          'spec.template.spec.initContainers[name:*].image',
          'spec.jobTemplate.spec.template.spec.containers[name:*].image',
          'spec.jobTemplate.spec.template.spec.initContainers[name:*].image',
        ]),
      );
      expect(locations).not.toContain('spec.ephemeralContainers[name:*].image');
    });

    it('never asks about our own namespace, Gatekeeper’s and kube-system', async () => {
      const values = { clientAuth: { ca: CERTIFICATE }, provider: { enableMutation: true, mutationExcludedNamespaces: ['ci'] } };
      const rendered = await helm.render({ values, namespace: 'trust' });
      for (const { spec } of rendered.filter(({ kind }) => kind === 'Assign'))
        expect(spec.match.excludedNamespaces).toEqual(['kube-system', 'gatekeeper-system', 'trust', 'ci']);
    });
  });

  describe('values of Ratify', () => {
    it.each([
      [{}, [3, 2, 1]],
      [{ validationTimeoutSeconds: 5, mutationTimeoutSeconds: 2 }, [3, 2, 1]],
      [{ validationTimeoutSeconds: 5, mutationTimeoutSeconds: 4 }, [5, 4, 3]],
      [{ validationTimeoutSeconds: 5 }, [5, 4, 3]],
      [{ mutationTimeoutSeconds: 3 }, [4, 3, 2]],
    ])('provider.timeout %j are the times of webhooks: webhook, Provider, mutation %j', async (timeout, [webhook, verify, mutate]) => {
      const objects = await helm.render({ values: { provider: { timeout } } });
      expect((await settingsOf(objects)).validating.webhookMs).toBe((webhook ?? 0) * 1000);
      expect(one(objects, 'Provider', 'ratify-provider').spec.timeout).toBe(verify);
      expect(one(objects, 'Provider', 'ratify-mutation-provider').spec.timeout).toBe(mutate);
    });

    it('become the objects that Ratify’s chart declares, under the same names', async () => {
      const objects = await helm.render(sample('ratify.yaml'));
      expect(names(objects, 'Store')).toEqual(['store-oras']);
      expect(names(objects, 'Policy')).toEqual(['ratify-policy']);
      expect(names(objects, 'KeyManagementProvider')).toEqual(['countersign-notation-inline-cert-0', 'countersign-notation-inline-cert-1']);
      expect(one(objects, 'Verifier', 'verifier-notation').spec.parameters).toEqual({
        verificationCertStores: {
          ca: { 'cert-0': ['countersign-notation-inline-cert-0'], 'cert-2': ['countersign-notation-inline-cert-0'] },
          tsa: { 'cert-1': ['countersign-notation-inline-cert-1'] },
        },
        trustPolicyDoc: {
          version: '1.0',
          trustPolicies: [
            {
              name: 'default',
              registryScopes: ['*'],
              signatureVerification: { level: 'permissive' },
              trustStores: ['ca:cert-0', 'tsa:cert-1'],
              trustedIdentities: ['*'],
            },
            {
              name: 'acme',
              registryScopes: ['registry.example.com/shop/app'],
              signatureVerification: { level: 'strict' },
              trustStores: ['ca:cert-2'],
              trustedIdentities: ['*'],
            },
          ],
        },
      });
      expect(one(objects, 'ServiceAccount').metadata.name).toBe('ratify-admin');
    });

    it('A4.3 are taken as a catalogue has them: the account with a capital, the older name of a certificate, its rotation', async () => {
      const objects = await helm.render(sample('ack.yaml'));
      expect((await settingsOf(objects)).servingCertificate).toMatchObject({ secret: 'countersign-serving' });
      expect(one(objects, 'ServiceAccount')).toMatchObject({
        metadata: { name: 'ratify-admin', annotations: { 'pod-identity.alibabacloud.com/role-name': 'ratify-role' } },
      });
      expect(one(objects, 'Store').spec.parameters.authProvider).toEqual({
        name: 'alibabacloudAcrBasic',
        defaultInstanceId: 'cri-0123456789',
        acrInstancesConfig: [{ instanceName: 'test-for-doc', instanceId: 'cri-0123456789' }],
      });
      expect(names(objects, 'KeyManagementProvider')).toEqual(['countersign-notation-inline-cert-0']);
      expect(one(objects, 'Verifier').spec.parameters.verificationCertStores).toEqual({
        ca: { certs: ['countersign-notation-inline-cert-0'] },
      });
    });

    it('bring Providers under our names alone where Ratify’s are not wanted', async () => {
      const objects = await helm.render({ values: { provider: { ratifyNames: false } } });
      expect(names(objects, 'Provider')).toEqual(['countersign-provider', 'countersign-mutation-provider']);
    });
  });
});
