// @rig cluster
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { commandsOf } from '../docs/blocks.ts';
import { type RunningProvider, startProvider } from '../e2e/provider.ts';
import { pki } from '../pki.ts';
import { admitted, type KubeObject, targetOf } from '../rig/cluster/kube-client.ts';
import { type Cluster, startCluster } from '../rig/cluster.ts';
import { eventually } from '../rig/wait.ts';
import { createNamespaces } from '../rig/workloads.ts';
import { allowSecrets, apply, applyDefinitions, createAccount, kubectl } from './rig.ts';
import { resource } from './world.ts';

const BUILD_WITHIN_MS = 40 * 60_000;
const OWN = 'gatekeeper-system';
const ROOT = join(import.meta.dirname, '../..');
const LAYOUT = join(import.meta.dirname, '../cli/layout.yaml');
const DECLARED = parseAllDocuments(readFileSync(LAYOUT, 'utf8')).map((document) => document.toJS() as KubeObject);
const PEM = /-----BEGIN[\s\S]*?END CERTIFICATE-----/.exec(readFileSync(LAYOUT, 'utf8'))?.[0].replace(/^ +/gm, '') ?? '';
const FOREIGN = pki.root().pem;
const IMAGE = 'demo.countersign.test/app:jws';
const TEAMS = Array.from({ length: 100 }, (_, index) => `team-${index}`);

let cluster: Cluster;
let kubeconfig: string;
let providers: RunningProvider[] = [];

beforeAll(async () => {
  cluster = await startCluster();
  await createNamespaces(cluster.client, OWN, ...TEAMS);
  kubeconfig = await createAccount(cluster, OWN);
  await applyDefinitions(cluster);
}, BUILD_WITHIN_MS);
afterAll(() => cluster?.stop());
afterEach(async () => {
  for (const provider of providers) await provider.stop();
  providers = [];
  await kubectl(cluster, 'delete', 'countersign', '--all', '-A', '--wait=false');
});

const start = async (): Promise<RunningProvider> => {
  const provider = await startProvider(undefined, ['--kube'], { KUBECONFIG: kubeconfig });
  providers.push(provider);
  return provider;
};
const answer = async (provider: RunningProvider, key = IMAGE): Promise<string> => {
  const { response } = await provider.ask('/countersign/v1/verify', [key]);
  const [item] = response.items ?? [];
  return item === undefined ? String(response.systemError) : `${item.value?.outcome} ${item.value?.reason.code}`;
};
const becomes = (provider: RunningProvider, expected: string | RegExp, key = IMAGE) =>
  eventually(
    `${key} ${expected}`,
    async () => {
      const text = await answer(provider, key);
      return (typeof expected === 'string' ? text === expected : expected.test(text)) ? text : undefined;
    },
    { everyMs: 1 },
  );
const declared = (kind: string): KubeObject => {
  const found = DECLARED.find((object) => object.kind === kind);
  if (found === undefined) throw new Error(`no ${kind} in ${LAYOUT}`);
  return found;
};
const inline = (kind: string, name: string, value: string) =>
  resource(kind, name, { type: 'inline', parameters: { contentType: 'certificate', value } });
const read = async (object: Record<string, unknown>) => cluster.client.get(targetOf(object as unknown as KubeObject));
const statusOf = async (object: Record<string, unknown>) => (await read(object))?.status as Record<string, unknown> | undefined;
const saysSoon = (object: Record<string, unknown>, success: boolean) =>
  eventually(`a status ${success}`, async () => {
    const status = await statusOf(object);
    return status?.issuccess === success ? status : undefined;
  });

describe('serve --kube before a real API server', () => {
  it('answers by what kubectl applied, with the rights of the chart alone, and shows kubectl what became of it', async () => {
    const provider = await start();
    expect(await answer(provider)).toMatch(/NO_STORE/);
    await kubectl(cluster, 'apply', '-f', LAYOUT);
    await becomes(provider, 'accepted VERIFIED');
    for (const object of DECLARED) await saysSoon(object, true);
    const rows = (await kubectl(cluster, 'get', 'kmp,verifiers')).split('\n').map((row) => row.split(/ {2,}/));
    expect(rows[0]).toEqual(['NAME', 'ISSUCCESS', 'ERROR', 'LASTFETCHEDTIME', 'READY', 'AGE']);
    expect(rows[1]?.slice(0, 2)).toEqual(['keymanagementprovider.config.ratify.deislabs.io/demo-root', 'true']);
    expect(await kubectl(cluster, 'wait', '--for=condition=Ready', '--timeout=5s', 'verifier/verifier-notation')).toContain(
      'condition met',
    );
    const status = await statusOf(declared('KeyManagementProvider'));
    expect(status?.properties).toMatchObject({
      Certificates: [{ Subject: 'CN=demo-root,O=Countersign Demo,ST=WA,C=US', NotAfter: '2124-01-01T00:00:00Z' }],
    });
  });

  it('keeps what was good beside an edit that is not, says so to kubectl, and lets a deletion take effect', async () => {
    for (const object of DECLARED) await apply(cluster, object);
    const provider = await start();
    expect(await answer(provider)).toBe('accepted VERIFIED');
    const broken = inline('KeyManagementProvider', 'demo-root', 'no PEM');
    await apply(cluster, broken);
    expect((await saysSoon(broken, false)).error).toMatch(/no certificates found in the pem block; the object stays in force/);
    expect(await answer(provider)).toBe('accepted VERIFIED');
    await kubectl(cluster, 'delete', 'kmp', 'demo-root');
    await becomes(provider, /KEY_PROVIDER_MISSING/);
  });

  it('A4.4 gives a namespace the verdict of its own Verifier, and another that of the cluster', async () => {
    for (const object of DECLARED) await apply(cluster, object);
    const { spec } = declared('Verifier');
    const parameters = { ...(spec as { parameters: object }).parameters, verificationCertStores: { ca: { demo: ['team-1/roots'] } } };
    await apply(cluster, inline('NamespacedKeyManagementProvider', 'team-1/roots', FOREIGN));
    await apply(cluster, resource('NamespacedVerifier', 'team-1/own', { ...(spec as object), parameters }));
    const provider = await start();
    const keys = ['team-1', 'team-2', 'team-1', 'team-2'].map((namespace) => `[${namespace}]${IMAGE}`);
    expect(await Promise.all(keys.map((key) => answer(provider, key)))).toEqual([
      'refused SIGNER_UNTRUSTED',
      'accepted VERIFIED',
      'refused SIGNER_UNTRUSTED',
      'accepted VERIFIED',
    ]);
  });

  it('reads a Secret where it may, says so where it may not, and nothing else of the cluster', async () => {
    const secret = (pem: string) => ({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'roots', namespace: OWN },
      stringData: { 'ca.crt': pem },
    });
    await apply(cluster, secret(PEM));
    const keys = resource('KeyManagementProvider', 'demo-root', { type: 'secret', refreshInterval: '1s', parameters: { name: 'roots' } });
    for (const object of [...DECLARED, keys]) await apply(cluster, object as Record<string, unknown>);
    const provider = await start();
    expect(await answer(provider)).toMatch(/unavailable KEY_PROVIDER_UNAVAILABLE/);
    expect((await saysSoon(keys, false)).error).toMatch(/403: secrets "roots" is forbidden/);
    await allowSecrets(cluster, OWN, OWN);
    await becomes(provider, 'accepted VERIFIED');
    expect((await saysSoon(keys, true)).properties).toMatchObject({ Certificates: [{ Name: 'ca.crt', Enabled: 'true' }] });
    await apply(cluster, secret(FOREIGN));
    await becomes(provider, 'refused SIGNER_UNTRUSTED');
    await kubectl(cluster, 'delete', 'secret', 'roots', '-n', OWN);
    await becomes(provider, /KEY_PROVIDER_MISSING/);
  });

  it('of two replicas writes each status once, and neither touches what the other wrote', async () => {
    for (const object of DECLARED) await apply(cluster, object);
    await Promise.all([start(), start()]);
    for (const object of DECLARED) await saysSoon(object, true);
    const versions = async () => Promise.all(DECLARED.map(async (object) => (await read(object))?.metadata.resourceVersion));
    await new Promise((resolve) => setTimeout(resolve, 2000));
    const before = await versions();
    await new Promise((resolve) => setTimeout(resolve, 3000));
    expect(await versions()).toEqual(before);
    expect(providers.map(({ log }) => log.filter((line) => line.includes('status')))).toEqual([[], []]);
  });

  it('lets go of a kind whose definition is deleted, and takes it up when it is there again', async () => {
    for (const object of DECLARED) await apply(cluster, object);
    const provider = await start();
    expect(await answer(provider)).toBe('accepted VERIFIED');
    await kubectl(cluster, 'delete', 'crd', 'keymanagementproviders.config.ratify.deislabs.io');
    await becomes(provider, /KEY_PROVIDER_MISSING/);
    await applyDefinitions(cluster);
    for (const object of DECLARED) await apply(cluster, object);
    await becomes(provider, 'accepted VERIFIED');
  });

  it('shows by the commands of the page on kubectl what the page shows', async () => {
    const page = readFileSync(join(ROOT, 'docs/kubectl.md'), 'utf8');
    const spec = declared('Verifier').spec as { readonly parameters: object };
    const stores = { verificationCertStores: { ca: { demo: ['acme-roots'] } } };
    await apply(cluster, inline('KeyManagementProvider', 'acme-roots', PEM));
    await apply(cluster, resource('Verifier', 'notation', { ...spec, parameters: { ...spec.parameters, ...stores } }));
    await start();
    await saysSoon(inline('KeyManagementProvider', 'acme-roots', PEM), true);
    const shown = new Map<string, string>();
    for (const command of commandsOf(page)) {
      const words = command.split(' ').map((word) => (word === 'crds' ? join(ROOT, 'crds') : word.replaceAll("'", '')));
      expect(words[0]).toBe('kubectl');
      shown.set(command, await kubectl(cluster, ...words.slice(1)));
    }
    expect([...shown].find(([command]) => command.includes(' wait '))?.[1]).toContain('condition met');
    const [header] = (await kubectl(cluster, 'get', 'kmp')).split('\n');
    expect(page.replace(/ +/g, ' ')).toContain(`\n${header?.replace(/ +/g, ' ')}\nacme-roots true `);
    const [documented = '{}'] = /^\{\n.*?^\}$/ms.exec(page) ?? [];
    const rowOf = (json: string) => Object.keys((JSON.parse(json) as { Certificates: readonly [object] }).Certificates[0]).sort();
    const properties = [...shown].find(([command]) => command.includes('jsonpath'))?.[1] ?? '{}';
    expect(rowOf(properties)).toEqual(rowOf(documented));
  });

  it('has 500 objects in force within two seconds of kubectl, and an edit of one within one', async () => {
    for (const object of DECLARED) await apply(cluster, object);
    const { spec } = declared('Verifier');
    const items = TEAMS.flatMap((team) => {
      const parameters = { ...(spec as { parameters: object }).parameters, verificationCertStores: { ca: { demo: [`${team}/roots`] } } };
      return [
        inline('NamespacedKeyManagementProvider', `${team}/roots`, team === 'team-99' ? FOREIGN : PEM),
        inline('NamespacedKeyManagementProvider', `${team}/others`, FOREIGN),
        resource('NamespacedPolicy', `${team}/ratify-policy`, {
          type: 'config-policy',
          parameters: { artifactVerificationPolicies: { default: 'any' } },
        }),
        resource('NamespacedVerifier', `${team}/notation`, { ...(spec as object), parameters }),
        resource('NamespacedStore', `${team}/layout`, declared('Store').spec),
      ];
    });
    const path = join(cluster.folder, 'objects.json');
    writeFileSync(path, JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
    const provider = await start();
    await kubectl(cluster, 'apply', '--server-side', '-f', path);
    const appliedAt = performance.now();
    await becomes(provider, 'refused SIGNER_UNTRUSTED', `[team-99]${IMAGE}`);
    await becomes(provider, 'accepted VERIFIED', `[team-98]${IMAGE}`);
    const readyMs = performance.now() - appliedAt;
    const editMs: number[] = [];
    for (const pem of [PEM, FOREIGN, PEM, FOREIGN, PEM]) {
      admitted(await cluster.client.apply(inline('NamespacedKeyManagementProvider', 'team-99/roots', pem) as unknown as KubeObject));
      const editedAt = performance.now();
      await becomes(provider, pem === PEM ? 'accepted VERIFIED' : 'refused SIGNER_UNTRUSTED', `[team-99]${IMAGE}`);
      editMs.push(performance.now() - editedAt);
    }
    await saysSoon(items.at(-1) ?? {}, true);
    const rss = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${provider.pid}/status`, 'utf8'))?.[1]) / 1024;
    const figures = `500 objects in force after ${readyMs.toFixed(0)} ms; edits after ${editMs.map((ms) => ms.toFixed(0)).join(', ')} ms; ${rss.toFixed(0)} MiB resident`;
    process.stderr.write(`${figures}\n`);
    expect(readyMs).toBeLessThan(2000);
    expect(editMs.sort((a, b) => a - b)[2]).toBeLessThan(1000);
    expect(rss).toBeLessThan(400);
  });
});
