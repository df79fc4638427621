import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { type RunningProvider, startProvider } from '../e2e/provider.ts';
import { FakeApiServer, refuse } from '../fakes/api-server.ts';
import { collection, resource, until } from '../kube/world.ts';
import { pki } from '../pki.ts';

jest.setTimeout(120_000);

type Resource = Record<string, unknown> & { kind: string; metadata: { name: string }; spec: Record<string, unknown> };

const LAYOUT = join(import.meta.dirname, 'layout.yaml');
const DECLARED = parseAllDocuments(readFileSync(LAYOUT, 'utf8')).map((document) => document.toJS() as Resource);
const of = (kind: string): Resource => {
  const found = DECLARED.find((one) => one.kind === kind);
  if (found === undefined) throw new Error(`no ${kind} in ${LAYOUT}`);
  return found;
};
const PEM = String((of('KeyManagementProvider').spec.parameters as { value: string }).value);
const FOREIGN = pki.root().pem;
const PATH = '/ratify/gatekeeper/v1/verify';
const IMAGE = 'demo.countersign.test/app:jws';
const SECRETS = '/api/v1/secrets';
const PROVIDERS = '/apis/externaldata.gatekeeper.sh/v1beta1/providers';

let server: FakeApiServer;
let folder: string;
let provider: RunningProvider;

const declare = (...objects: Record<string, unknown>[]) => {
  for (const object of objects) server.put(collection(String(object.kind)), object);
};
const inline = (kind: string, name: string, value: string) =>
  resource(kind, name, { type: 'inline', parameters: { contentType: 'certificate', value } });
/** The Verifier of the layout for another namespace, over keys of its own. */
const verifierOf = (namespace: string, key: string): Record<string, unknown> => ({
  ...resource('NamespacedVerifier', `${namespace}/notation`, {
    ...of('Verifier').spec,
    parameters: { ...(of('Verifier').spec.parameters as object), verificationCertStores: { ca: { demo: [key] } } },
  }),
});
const start = async (config?: string, settings = '') => {
  writeFileSync(join(folder, 'settings.yaml'), settings);
  provider = await startProvider(config, ['--kube', '--settings', join(folder, 'settings.yaml')], { KUBECONFIG: server.kubeconfig });
};
const answers = async (...keys: string[]): Promise<readonly string[]> => {
  const { response } = await provider.ask(PATH, keys);
  return keys.map((key) => {
    const item = response.items?.find((one) => one.key === key);
    return item === undefined ? `left out: ${response.systemError}` : `${item.value?.outcome} ${item.value?.reason.code}`;
  });
};
const becomes = async (expected: string | RegExp, key = IMAGE): Promise<void> => {
  const matches = (text: string) => (typeof expected === 'string' ? text === expected : expected.test(text));
  const startedAt = performance.now();
  for (;;) {
    const [text = ''] = await answers(key);
    if (matches(text)) return;
    if (performance.now() - startedAt > 40_000) throw new Error(`expected ${expected}, the last answer was ${text}`);
  }
};
const admin = async (path: string) => {
  const answer = await fetch(`http://${provider.admin}${path}`);
  return { status: answer.status, text: await answer.text() };
};
const statusOf = (kind: string, name: string, namespace = '') =>
  server.get(collection(kind), name, namespace)?.status as Record<string, unknown> | undefined;

describe('serve --kube', () => {
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'countersign-serve-kube-'));
    server = await FakeApiServer.start();
  });

  afterEach(async () => {
    expect(await provider.stop()).toBe(0);
    await server.dispose();
    rmSync(folder, { recursive: true, force: true });
  });

  it('answers by what the cluster declares, follows each change, and writes what became of it', async () => {
    declare(...DECLARED);
    await start();
    expect(await answers(IMAGE)).toEqual(['accepted VERIFIED']);
    await until('statuses', () => DECLARED.every(({ kind, metadata }) => statusOf(kind, metadata.name)?.issuccess === true));

    declare(inline('KeyManagementProvider', 'demo-root', FOREIGN));
    await becomes('refused SIGNER_UNTRUSTED');
    server.delete(collection('KeyManagementProvider'), 'demo-root');
    await becomes(/KEY_PROVIDER_MISSING/);
    await until('the Verifier says so', () =>
      String(statusOf('Verifier', 'verifier-notation')?.brieferror).startsWith('KEY_PROVIDER_MISSING'),
    );
  });

  it('keeps the last good form of an object that an edit broke, says so in its status, and takes it when it is mended', async () => {
    declare(...DECLARED, inline('KeyManagementProvider', 'demo-root', FOREIGN));
    await start();
    expect(await answers(IMAGE)).toEqual(['refused SIGNER_UNTRUSTED']);
    declare(inline('KeyManagementProvider', 'demo-root', 'no PEM'));
    await until('the error', () => statusOf('KeyManagementProvider', 'demo-root')?.issuccess === false);
    expect(statusOf('KeyManagementProvider', 'demo-root')?.error).toMatch(/no certificates found.*stays in force as it last was good/);
    expect(await answers(IMAGE)).toEqual(['refused SIGNER_UNTRUSTED']);
    declare(inline('KeyManagementProvider', 'demo-root', PEM));
    await becomes('accepted VERIFIED');
  });

  it("A4.4 gives a namespace its own Verifier's verdict and another the cluster's, for one image in one request", async () => {
    declare(...DECLARED, inline('NamespacedKeyManagementProvider', 'team-a/roots', FOREIGN), verifierOf('team-a', 'team-a/roots'));
    await start();
    const keys = [`[team-a]${IMAGE}`, `[team-b]${IMAGE}`, IMAGE];
    for (let round = 0; round < 3; round += 1) {
      expect(await answers(...keys)).toEqual(['refused SIGNER_UNTRUSTED', 'accepted VERIFIED', 'accepted VERIFIED']);
    }
    server.delete(collection('NamespacedVerifier'), 'notation', 'team-a');
    await becomes('accepted VERIFIED', `[team-a]${IMAGE}`);
  });

  it("A-T-01 asks the cluster's Verifier too where there is a floor", async () => {
    const keys = inline('KeyManagementProvider', 'demo-root', FOREIGN);
    declare(...DECLARED, keys, inline('NamespacedKeyManagementProvider', 'team-a/roots', PEM), verifierOf('team-a', 'team-a/roots'));
    await start(undefined, 'tenancy: { floor: true }\n');
    expect(await answers(`[team-a]${IMAGE}`)).toEqual(['refused SIGNER_UNTRUSTED']);
    declare(inline('KeyManagementProvider', 'demo-root', PEM));
    await becomes('accepted VERIFIED', `[team-a]${IMAGE}`);
  });

  it('takes keys out of a Secret, follows it, and lets go of them when it is deleted', async () => {
    const secret = (pem: string) => ({
      metadata: { name: 'roots', namespace: 'gatekeeper-system' },
      type: 'Opaque',
      data: { 'ca.crt': Buffer.from(pem).toString('base64') },
    });
    server.put(SECRETS, secret(PEM));
    const keys = resource('KeyManagementProvider', 'demo-root', { type: 'secret', refreshInterval: '1s', parameters: { name: 'roots' } });
    declare(...DECLARED, keys);
    await start();
    expect(await answers(IMAGE)).toEqual(['accepted VERIFIED']);
    server.put(SECRETS, secret(FOREIGN));
    await becomes('refused SIGNER_UNTRUSTED');
    server.faults.push((seen, res) => {
      if (!seen.path.endsWith('/secrets/roots')) return false;
      refuse(res, 500, 'InternalError');
      return true;
    });
    await until('the failure', () => statusOf('KeyManagementProvider', 'demo-root')?.issuccess === false);
    expect(statusOf('KeyManagementProvider', 'demo-root')?.error).toMatch(/^KEY_PROVIDER_UNAVAILABLE: .* stays in force$/);
    expect(await answers(IMAGE)).toEqual(['refused SIGNER_UNTRUSTED']);
    server.faults.length = 0;
    server.delete(SECRETS, 'roots', 'gatekeeper-system');
    await becomes(/KEY_PROVIDER_MISSING.*Secret gatekeeper-system\/roots is not there/);
  });

  it('goes on with what it has when the API server is gone, and says so when it has been for as long as is set', async () => {
    declare(...DECLARED);
    await start(undefined, 'cluster: { unreadyAfterSeconds: 2 }\n');
    expect((await admin('/readyz')).status).toBe(200);
    await server.stop();
    await until('not ready', () => provider.log.some((line) => line.includes('the cluster cannot be read')));
    expect(await answers(IMAGE)).toEqual(['accepted VERIFIED']);
    let found = await admin('/readyz');
    for (const startedAt = performance.now(); found.status === 200 && performance.now() - startedAt < 10_000; )
      found = await admin('/readyz');
    expect(found.status).toBe(503);
    expect(found.text).toMatch(/^\w+ was silent for \d+ s: what is known may be outdated/);
    expect(await answers(IMAGE)).toEqual(['accepted VERIFIED']);
    const { text } = await admin('/metrics');
    expect(text).toMatch(/countersign_cluster_silence_seconds\{kind="Verifier"\} [1-9]/);
    expect(text).toMatch(/countersign_cluster_objects\{kind="Verifier"\} 1/);
    expect(text).toMatch(/countersign_cluster_failures\{kind="Verifier"\} [1-9]/);
  });

  it('takes files and the cluster together, and of two of one name that of the file', async () => {
    writeFileSync(join(folder, 'all.yaml'), readFileSync(LAYOUT, 'utf8'));
    declare(inline('KeyManagementProvider', 'demo-root', FOREIGN));
    await start(join(folder, 'all.yaml'));
    expect(await answers(IMAGE)).toEqual(['accepted VERIFIED']);
    await until('the status', () => String(statusOf('KeyManagementProvider', 'demo-root')?.error).includes('declared in a file'));
    declare(inline('NamespacedKeyManagementProvider', 'team-a/roots', FOREIGN), verifierOf('team-a', 'team-a/roots'));
    await becomes('refused SIGNER_UNTRUSTED', `[team-a]${IMAGE}`);
    writeFileSync(join(folder, 'all.yaml'), readFileSync(LAYOUT, 'utf8').replace('name: demo-root', 'name: another'));
    await becomes('refused SIGNER_UNTRUSTED');
  });

  it('listens, is not ready and decides nothing while a kind cannot be listed, and names it', async () => {
    declare(...DECLARED);
    server.faults.push((seen, res) => {
      if (seen.path !== collection('NamespacedVerifier')) return false;
      refuse(res, 403, 'Forbidden');
      return true;
    });
    await start();
    const { status, text } = await admin('/readyz');
    expect(status).toBe(503);
    expect(text).toMatch(/NamespacedVerifier is not listed yet: GET .*namespacedverifiers: 403: Forbidden says the fake/);
    expect(await answers(IMAGE)).toEqual([expect.stringContaining('misconfigured CONFIG_PENDING')]);
    server.faults.length = 0;
    await becomes('accepted VERIFIED');
    expect((await admin('/readyz')).status).toBe(200);
  });
});

describe('a command on files', () => {
  it.each(['verify demo.countersign.test/app:jws', 'resolve demo.countersign.test/app:jws'])(
    'does not load what follows a cluster: %s',
    (command) => {
      const hook =
        "import { registerHooks } from 'node:module'; registerHooks({ resolve(name, context, next) { if (/src.kube|@kubernetes/.test(name)) throw new Error('loaded ' + name); return next(name, context); } });";
      const argv = [
        '--import',
        `data:text/javascript,${encodeURIComponent(hook)}`,
        'src/main.ts',
        ...command.split(' '),
        '--config',
        LAYOUT,
      ];
      const { status, stderr } = spawnSync(process.execPath, argv, { cwd: join(import.meta.dirname, '../..'), encoding: 'utf8' });
      expect([status, stderr]).toEqual([0, '']);
    },
  );
});

describe('serve --kube without certificate files', () => {
  it('serves a certificate that it made, which the Provider objects trust', async () => {
    folder = mkdtempSync(join(tmpdir(), 'countersign-serve-kube-'));
    server = await FakeApiServer.start();
    server.put(PROVIDERS, { metadata: { name: 'countersign-provider' }, spec: { url: 'https://127.0.0.1:6001', timeout: 2 } });
    declare(...DECLARED);
    const settings = join(folder, 'settings.yaml');
    writeFileSync(settings, 'servingCertificate: { secret: serving, hosts: [127.0.0.1], providers: [countersign-provider] }\n');
    const argv = [
      'src/main.ts',
      'serve',
      '--kube',
      '--settings',
      settings,
      '--no-client-auth',
      '--listen',
      '127.0.0.1:0',
      '--admin',
      '127.0.0.1:0',
    ];
    const env = { ...process.env, KUBECONFIG: server.kubeconfig };
    const child = spawn(process.execPath, argv, { cwd: join(import.meta.dirname, '../..'), env, stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      let output = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
      await until('ready', () => output.includes('"msg":"ready"'));
      const address = /"address":"([^"]+)"/.exec(output)?.[1] ?? '';
      const { caBundle = '' } = (server.get(PROVIDERS, 'countersign-provider')?.spec ?? {}) as { caBundle?: string };
      const answer = await new Promise<string>((resolve, reject) => {
        const sent = request(
          `https://${address}${PATH}`,
          { method: 'POST', ca: Buffer.from(caBundle, 'base64'), minVersion: 'TLSv1.3' },
          (res) => {
            let text = '';
            res.setEncoding('utf8').on('data', (chunk: string) => {
              text += chunk;
            });
            res.on('end', () => resolve(text));
          },
        );
        sent.on('error', reject);
        sent.end(JSON.stringify({ apiVersion: 'externaldata.gatekeeper.sh/v1beta1', kind: 'ProviderRequest', request: { keys: [IMAGE] } }));
      });
      expect(JSON.parse(answer).response.items[0].value.isSuccess).toBe(true);
      expect(output).not.toContain('PRIVATE KEY');
    } finally {
      child.kill('SIGTERM');
      await new Promise((resolve) => child.once('close', resolve));
      await server.dispose();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
