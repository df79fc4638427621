// @rig helm, cluster, gatekeeper
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { commandsOf } from '../docs/blocks.ts';
import { ensureTools } from '../rig/build.ts';
import { admitted, type KubeObject } from '../rig/cluster/kube-client.ts';
import { type Cluster, startCluster } from '../rig/cluster.ts';
import { type Gatekeeper, startGatekeeper } from '../rig/gatekeeper.ts';
import { eventually } from '../rig/wait.ts';
import { CHART, type HelmResult } from './helm.ts';

const BUILD_WITHIN_MS = 60 * 60_000;
/** A page has a dozen commands, some of which wait for something. */
const COMMANDS_WITHIN_MS = 10 * 60_000;
const ROOT = join(CHART, '..');
const CERTIFICATE = String(parse(readFileSync(join(CHART, 'samples/minimal.yaml'), 'utf8')).notationCerts[0]);
const NAMESPACE = 'gatekeeper-system';
const SECRET = { kind: 'Secret', namespace: NAMESPACE, name: 'countersign-tls' };
/** Where Countersign keeps the certificate that it makes. */
const SERVING = { kind: 'Secret', namespace: NAMESPACE, name: 'countersign-serving' };
const PROVIDER = { apiVersion: 'externaldata.gatekeeper.sh/v1beta1', kind: 'Provider' };
const PROVIDERS = ['countersign-provider', 'countersign-mutation-provider', 'ratify-provider', 'ratify-mutation-provider'];
const UNCHECKED = '--set gatekeeper.checkWebhooks=false';
const ACCOUNT = `system:serviceaccount:${NAMESPACE}:countersign`;

interface SecretObject extends KubeObject {
  readonly data: Readonly<Record<string, string>>;
}

interface ProviderObject extends KubeObject {
  readonly spec: { readonly caBundle: string };
  readonly status?: { readonly byPod?: readonly { readonly active?: boolean; readonly errors?: readonly unknown[] }[] };
}

describe('the chart in a cluster', () => {
  let cluster: Cluster;
  let gatekeeper: Gatekeeper;
  /** A folder that looks like a checkout, with `helm` and `kubectl` on the path. */
  let checkout: string;
  let env: Readonly<Record<string, string | undefined>>;

  beforeAll(async () => {
    const bin = await ensureTools(['helm', 'kubectl'], console.log);
    cluster = await startCluster({ onProgress: console.log });
    gatekeeper = await startGatekeeper(cluster, { onProgress: console.log });
    checkout = join(cluster.folder, 'checkout');
    mkdirSync(join(checkout, 'bin'), { recursive: true });
    for (const [name, path] of Object.entries(bin)) symlinkSync(path, join(checkout, 'bin', name));
    for (const name of ['helm', 'policies', 'crds']) symlinkSync(join(ROOT, name), join(checkout, name));
    for (const file of ['acme-root.pem', 'gatekeeper-ca.pem']) writeFileSync(join(checkout, file), CERTIFICATE);
    const authority = { 'ca.crt': Buffer.from(gatekeeper.ca).toString('base64') };
    admitted(
      await cluster.client.apply({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'gatekeeper-webhook-server-cert', namespace: NAMESPACE },
        data: authority,
      }),
    );
    env = { PATH: `${join(checkout, 'bin')}:${process.env.PATH}`, HOME: checkout, KUBECONFIG: cluster.kubeconfig };
    // Nothing of ours needs more than the strictest standard for Pods allows.
    admitted(
      await cluster.client.patch(
        { kind: 'Namespace', name: NAMESPACE },
        { metadata: { labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } } },
      ),
    );
  }, BUILD_WITHIN_MS);

  afterAll(() => cluster?.stop());

  const shell = (command: string): Promise<HelmResult> =>
    new Promise((resolve, reject) => {
      execFile('/bin/sh', ['-ec', command], { cwd: checkout, env, timeout: 120_000 }, (error, stdout, stderr) => {
        const code = error === null ? 0 : error.code;
        if (typeof code === 'number') resolve({ code, stdout, stderr });
        else reject(error);
      });
    });
  const install = (...args: readonly string[]) =>
    shell(`helm upgrade --install countersign ./helm --namespace ${NAMESPACE} ${args.map((arg) => `'${arg}'`).join(' ')}`);
  const uninstall = () => shell(`helm uninstall countersign --namespace ${NAMESPACE} --ignore-not-found`);
  const provider = (name: string) => cluster.client.get<ProviderObject>({ ...PROVIDER, name });

  describe('installed', () => {
    afterEach(uninstall);

    it.each(['minimal.yaml', 'ratify.yaml', 'ack.yaml', 'own-certificate.yaml', 'rotating-certificate.yaml', 'families.yaml'])(
      'with %s is taken by the API server and by Gatekeeper',
      async (file) => {
        expect(await install('--values', `helm/samples/${file}`, '--set', 'gatekeeper.checkWebhooks=false')).toMatchObject({
          code: 0,
          stderr: '',
        });
        await eventually('active', async () => {
          const { byPod = [] } = (await provider('countersign-provider'))?.status ?? {};
          expect(byPod.flatMap(({ errors = [] }) => errors)).toEqual([]);
          return byPod.some(({ active }) => active === true) || undefined;
        });
      },
    );

    it('makes Pods that the strictest standard for Pods admits', async () => {
      await install();
      await eventually('two Pods', async () => {
        const pods = await cluster.client.list({ kind: 'Pod', namespace: NAMESPACE });
        return pods.filter(({ metadata }) => metadata.name?.startsWith('countersign-')).length === 2 || undefined;
      });
    });

    it('leaves alone over upgrades and rollbacks what Countersign wrote: the certificate, and whom the Providers trust', async () => {
      await install();
      const written = { 'tls.crt': Buffer.from('made here').toString('base64') };
      const caBundle = Buffer.from(CERTIFICATE).toString('base64');
      admitted(await cluster.client.patch(SERVING, { data: written }));
      for (const name of PROVIDERS) admitted(await cluster.client.patch({ ...PROVIDER, name }, { spec: { caBundle } }));
      const still = async () => {
        expect((await cluster.client.get<SecretObject>(SERVING))?.data).toEqual(written);
        for (const name of PROVIDERS) expect((await provider(name))?.spec.caBundle).toBe(caBundle);
      };
      expect(
        await install('--set', 'replicaCount=3', '--set', 'webhookTimeoutSeconds=4', '--set', 'gatekeeper.checkWebhooks=false'),
      ).toMatchObject({ code: 0 });
      await still();
      expect(await shell(`helm rollback countersign 1 --namespace ${NAMESPACE}`)).toMatchObject({ code: 0 });
      await still();
    });

    it('takes the key of the certificate with it when it goes', async () => {
      await install();
      await uninstall();
      expect(await cluster.client.get(SERVING)).toBeUndefined();
    });

    it('keeps a certificate of its own making over an upgrade, and the Providers their trust in it', async () => {
      await install('--set', 'provider.tls.source=chart');
      const before = await cluster.client.get<SecretObject>(SECRET);
      const trust = (await provider('ratify-provider'))?.spec.caBundle;
      expect(await install('--set', 'provider.tls.source=chart', '--set', 'replicaCount=3')).toMatchObject({ code: 0 });
      expect((await cluster.client.get<SecretObject>(SECRET))?.data).toEqual(before?.data);
      expect((await provider('ratify-provider'))?.spec.caBundle).toBe(trust);
      expect(before?.data['ca.crt']).toBe(trust);
    });
  });

  describe('its account', () => {
    beforeAll(() => install());
    afterAll(uninstall);

    it.each([
      ['list', 'verifiers.config.ratify.deislabs.io', 'yes'],
      ['watch', 'namespacedstores.config.ratify.deislabs.io', 'yes'],
      ['patch', 'stores.config.ratify.deislabs.io/status', 'yes'],
      ['get', 'verifiers.config.ratify.deislabs.io', 'no'],
      ['delete', 'verifiers.config.ratify.deislabs.io', 'no'],
      ['create', 'keymanagementproviders.config.ratify.deislabs.io', 'no'],
      ['get', 'secrets', 'no'],
      ['list', 'secrets', 'no'],
      ['create', 'pods', 'no'],
      ['patch', 'providers.externaldata.gatekeeper.sh', 'no'],
      ['list', 'providers.externaldata.gatekeeper.sh', 'no'],
      ['create', 'secrets', 'no'],
    ])('may it %s %s? %s', async (verb, resource, answer) => {
      const [kind, subresource] = resource.split('/');
      const sub = subresource === undefined ? '' : ` --subresource=${subresource}`;
      const { stdout } = await shell(`kubectl auth can-i ${verb} ${kind}${sub} --as=${ACCOUNT} --all-namespaces || true`);
      expect(stdout.trim()).toBe(answer);
    });

    it.each([
      ['get', 'secrets/countersign-serving', 'yes'],
      ['update', 'secrets/countersign-serving', 'yes'],
      ['delete', 'secrets/countersign-serving', 'no'],
      ['get', 'secrets/gatekeeper-webhook-server-cert', 'no'],
      ...PROVIDERS.flatMap((name) =>
        ['get', 'patch'].map((verb) => [verb, `providers.externaldata.gatekeeper.sh/${name}`, 'yes'] as const),
      ),
      ['delete', 'providers.externaldata.gatekeeper.sh/countersign-provider', 'no'],
      ['patch', 'providers.externaldata.gatekeeper.sh/another', 'no'],
    ] as const)('may it %s %s? %s', async (verb, object, answer) => {
      const { stdout } = await shell(`kubectl auth can-i ${verb} ${object} --as=${ACCOUNT} --namespace=${NAMESPACE} || true`);
      expect(stdout.trim()).toBe(answer);
    });
  });

  describe('its notes and what stops it', () => {
    afterEach(uninstall);

    it('rig h3, e2: stops where a webhook waits less than it is set for, and names the value to change', async () => {
      const { code, stderr } = await install('--set', 'webhookTimeoutSeconds=5');
      expect({ code, stderr }).toEqual({
        code: 1,
        stderr: expect.stringContaining('validation.gatekeeper.sh waits 3 s, which is less than the 5 s that Countersign is set for'),
      });
      expect(stderr).toContain('Set validatingWebhookTimeoutSeconds of Gatekeeper');
    });

    it('rig h3: says it in the notes where that check is off', async () => {
      const { code, stdout } = await install('--set', 'webhookTimeoutSeconds=5', '--set', 'gatekeeper.checkWebhooks=false');
      expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining('! validation.gatekeeper.sh waits 3 s') });
    });

    it('rig h3: looks at the mutating webhook where it is to pin images', async () => {
      admitted(await patchTimeout('MutatingWebhookConfiguration', 'gatekeeper-mutating-webhook-configuration', 1));
      try {
        expect(await install()).toMatchObject({ code: 0 });
        expect(await install('--set', 'provider.enableMutation=true')).toMatchObject({
          code: 1,
          stderr: expect.stringContaining('mutation.gatekeeper.sh waits 1 s'),
        });
      } finally {
        admitted(await patchTimeout('MutatingWebhookConfiguration', 'gatekeeper-mutating-webhook-configuration', 2));
      }
      expect(await install('--set', 'provider.enableMutation=true')).toMatchObject({ code: 0 });
    });

    it('rig e2: says that a webhook admits when nobody answers, and nothing of one that denies', async () => {
      expect((await install()).stdout).not.toContain('failurePolicy');
      await gatekeeper.setFailurePolicy('Ignore');
      try {
        expect((await install()).stdout).toContain('! validation.gatekeeper.sh has failurePolicy Ignore');
      } finally {
        await gatekeeper.setFailurePolicy('Fail');
      }
    });

    it.each([
      [[], 'Nothing is declared yet'],
      [['--set', 'clientAuth.enabled=false'], 'CLIENT AUTHENTICATION IS OFF'],
      [['--values', 'helm/samples/ack.yaml'], 'notationCert is the older name'],
      [['--values', 'helm/samples/ratify.yaml'], 'cosign signatures are not verified by this version'],
      [['--values', 'helm/samples/ratify.yaml'], 'before Gatekeeper 3.23 it cannot be kept to creations'],
      [['--set', 'provider.cache.type=dapr'], 'there is no shared cache'],
      [
        ['--set', 'rbac.create=false'],
        'may get and update the Secret countersign-serving and get and patch the Providers countersign-provider, ',
      ],
      [
        ['--set', 'provider.tls.source=countersign', '--set', 'provider.tls.existingSecret=mine'],
        'The certificate in provider.tls is not used',
      ],
    ])('says with %j: %s', async (args, note) => {
      expect(await install(...args)).toMatchObject({ code: 0, stdout: expect.stringContaining(note) });
    });

    it('reads Gatekeeper’s authority out of its Secret where that cannot be mounted, and says so', async () => {
      const elsewhere = 'helm upgrade --install countersign ./helm --namespace elsewhere --create-namespace';
      expect(await shell(elsewhere)).toMatchObject({
        code: 0,
        stdout: expect.stringContaining("! Gatekeeper's authority was copied from its Secret"),
      });
      const config = await cluster.client.get<SecretObject>({ kind: 'ConfigMap', namespace: 'elsewhere', name: 'countersign' });
      expect(config?.data['client-ca.crt']?.trim()).toBe(gatekeeper.ca.trim());
      await shell('helm uninstall countersign --namespace elsewhere');
    });
  });

  async function patchTimeout(kind: string, name: string, timeoutSeconds: number) {
    const target = { apiVersion: 'admissionregistration.k8s.io/v1', kind, name };
    const found = await cluster.client.get<KubeObject & { readonly webhooks: readonly object[] }>(target);
    return cluster.client.patch(target, { webhooks: found?.webhooks.map((webhook) => ({ ...webhook, timeoutSeconds })) });
  }

  describe('the commands of the pages', () => {
    /** Commands that need what this cluster has not: another registry's chart, a kubelet, an image to ask for. */
    const ELSEWHERE = [/gatekeeper\/gatekeeper /, /<pod>/, /^countersign verify/];

    it.each(['docs/install.md', 'docs/policies.md', 'docs/migrate-from-ratify.md', 'docs/troubleshooting.md'])(
      '%s',
      async (page) => {
        const commands = commandsOf(readFileSync(join(ROOT, page), 'utf8')).filter(
          (command) => !ELSEWHERE.some((one) => one.test(command)),
        );
        expect(commands.length).toBeGreaterThan(0);
        await shell('kubectl create namespace trust --dry-run=client -o yaml | kubectl apply -f -');
        // Ratify, as far as a release and its values go: another one under that name.
        if (page.includes('migrate'))
          await shell(`helm upgrade --install ratify ./helm --namespace ${NAMESPACE} --values helm/samples/ratify.yaml ${UNCHECKED}`);
        for (const command of commands) {
          // The ways to install stand beside one another; here they are tried one after the other.
          if (command.startsWith('helm upgrade')) await removeReleases();
          if (command.startsWith('helm upgrade countersign')) await install();
          await eventually(`done: ${command}`, async () => {
            const { code, stderr } = await shell(command);
            if (code !== 0) throw new Error(stderr);
            return true;
          });
        }
        await removeReleases();
      },
      COMMANDS_WITHIN_MS,
    );

    async function removeReleases(): Promise<void> {
      for (const namespace of [NAMESPACE, 'trust']) await shell(`helm uninstall countersign --namespace ${namespace} --ignore-not-found`);
    }
  });
});
