// @rig cluster, gatekeeper
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type ScriptedProvider, startScriptedProvider } from '../fakes/scripted-provider.ts';
import {
  GATEKEEPER_NAME,
  issueGatekeeperCertificate,
  issueProviderCertificate,
  type ServingCertificate,
} from '../rig/cluster/certificates.ts';
import type { KubeObject } from '../rig/cluster/kube-client.ts';
import { type Cluster, startCluster } from '../rig/cluster.ts';
import { applyPolicies } from '../rig/gatekeeper/policies.ts';
import { providerObject } from '../rig/gatekeeper/providers.ts';
import { type Gatekeeper, startGatekeeper } from '../rig/gatekeeper.ts';
import { eventually } from '../rig/wait.ts';
import { createNamespaces, pod } from '../rig/workloads.ts';
import { constraint, readObjects } from './policies.ts';
import { assign, FAULTS, MUTATIONS, NOBODY_PINS } from './provider-faults.ts';

const BUILD_WITHIN_MS = 40 * 60_000;

/** Providers whose answers are shown to whoever creates a Pod in a namespace of theirs. */
const WATCHED = ['scripted', 'hasty', 'mistrusted', 'absent', 'passing'];
/** What the validating webhook waits: nobody else's answer may take one past it. */
const WEBHOOK_MS = 3000;
const SEND = 'failed to send external data request: Post "URL": ';

describe('Gatekeeper and a provider that fails', () => {
  let cluster: Cluster;
  let gatekeeper: Gatekeeper;
  let certificate: ServingCertificate;
  let provider: ScriptedProvider;
  let serial = 0;

  beforeAll(async () => {
    cluster = await startCluster();
    gatekeeper = await startGatekeeper(cluster, { flags: ['--max-serving-threads=100'] });
    certificate = issueProviderCertificate();
    provider = await startScriptedProvider({ ...certificate, clientCa: gatekeeper.ca });
    cluster.beforeStop(provider.stop);
    await createNamespaces(cluster.client, 'shop', 'slow', ...WATCHED.map((name) => `watched-${name}`));
    await declare(
      at('scripted', '/verify', 2),
      at('patient', '/verify', 10),
      at('hasty', '/verify', 0),
      providerObject({
        name: 'mistrusted',
        url: `https://${provider.address}/verify`,
        ca: issueGatekeeperCertificate().ca,
        timeoutSeconds: 2,
      }),
      providerObject({ name: 'absent', url: 'https://127.0.0.1:9/verify', ca: certificate.ca, timeoutSeconds: 2 }),
      ...readObjects('policies/verified-images/template.yaml'),
      verified('shop', 'scripted'),
      ...readObjects('test/e2e/observed-answer.yaml'),
      ...WATCHED.map((name) =>
        constraint({ kind: 'ObservedAnswer', name: `watched-${name}`, namespaces: [`watched-${name}`], parameters: { provider: name } }),
      ),
    );
  }, BUILD_WITHIN_MS);

  afterAll(() => cluster?.stop());
  beforeEach(() => {
    provider.takeCalls();
  });

  const declare = (...objects: readonly KubeObject[]) => applyPolicies(cluster.client, gatekeeper.pods, objects);
  const at = (name: string, path: string, timeoutSeconds: number) =>
    providerObject({ name, url: `https://${provider.address}${path}`, ca: certificate.ca, timeoutSeconds });
  const verified = (namespace: string, name: string) =>
    constraint({ kind: 'CountersignVerifiedImages', name: namespace, namespaces: [namespace], parameters: { provider: name } });
  /** An image that nothing has been asked about before. */
  const image = (words: string) => {
    serial += 1;
    return `toy.test/${words}/n${serial}:1`;
  };
  const create = (namespace: string, ...images: readonly string[]) =>
    cluster.client.create(pod(namespace, 'probe', ...images), { dryRun: true });

  describe.each(['3m', '0'])('with a response cache of %s', (responseCacheTtl) => {
    beforeAll(() => gatekeeper.restart({ responseCacheTtl }));

    it.each(FAULTS)('given %s, decides as it should, twice', async (_, words, expected) => {
      const name = image(words);
      for (const answer of [await create('shop', name), await create('shop', name)]) {
        expect(answer.admitted).toBe(expected === undefined);
        if (expected === undefined) continue;
        expect(answer.message).toMatch(expected);
        expect(answer.message.split('[shop] ')[1]?.length).toBeLessThanOrEqual(220);
      }
    });
  });

  it('rig a4: denies what it has accepted before, once its Provider is gone and the short life of what it keeps is over', async () => {
    const name = image('ok');
    await gatekeeper.restart({ responseCacheTtl: '2s' });
    await createNamespaces(cluster.client, 'passing');
    await declare(at('leaving', '/verify', 2), verified('passing', 'leaving'));
    expect(await create('passing', name)).toMatchObject({ admitted: true });
    await cluster.client.delete({ apiVersion: 'externaldata.gatekeeper.sh/v1beta1', kind: 'Provider', name: 'leaving' });
    const message = await eventually('denied', async () => (await create('passing', name)).message || undefined);
    expect(message).toContain('[passing] misconfigured PROVIDER_FAILED containers[c0] ');
  });

  describe('what a policy has to go on', () => {
    const observe = async (providerName: string, ...images: readonly string[]): Promise<string> => {
      const { message } = await create(`watched-${providerName}`, ...images);
      const tag = `[watched-${providerName}] `;
      return message.slice(message.indexOf(tag) + tag.length).replaceAll(provider.address, 'P');
    };
    beforeAll(() => gatekeeper.restart({ responseCacheTtl: '3m' }));

    it('rig a1: the second answer comes from the cache, with status 0', async () => {
      const name = image('deny');
      const first = JSON.parse(await observe('scripted', name));
      const second = JSON.parse(await observe('scripted', name));
      expect(first).toMatchObject({ errors: [], status_code: 200, system_error: '', responses: [[name, { isSuccess: false }]] });
      expect(second).toEqual({ ...first, status_code: 0 });
      expect(provider.calls.map(({ keys }) => keys)).toEqual([[name]]);
    });

    it('rig a2: an answer that is only a system error is not kept', async () => {
      const name = image('omit-syserr');
      const first = JSON.parse(await observe('scripted', name));
      expect(first).toEqual({ errors: [], responses: [], status_code: 200, system_error: 'the provider is unwell' });
      expect(JSON.parse(await observe('scripted', name))).toEqual(first);
      expect(provider.calls).toHaveLength(2);
    });

    it('rig a2: an item beside a system error is kept without it', async () => {
      const name = image('syserr');
      expect(JSON.parse(await observe('scripted', name))).toMatchObject({ system_error: 'the provider is unwell' });
      expect(JSON.parse(await observe('scripted', name))).toMatchObject({ system_error: '', status_code: 0, responses: [[name, {}]] });
    });

    it('rig a3: what was left out is asked again alone, and what was added is believed without a question', async () => {
      const [left, added] = [image('omit'), image('extra')];
      await observe('scripted', left, added);
      provider.takeCalls();
      await observe('scripted', left, added.replace('extra', 'planted'));
      expect(provider.calls.map(({ keys }) => keys)).toEqual([[left]]);
    });

    it('rig a4: what is kept outlives its Provider', async () => {
      const [kept, fresh] = [image('ok'), image('ok')];
      await declare(at('passing', '/verify', 2));
      await observe('passing', kept);
      await cluster.client.delete({ apiVersion: 'externaldata.gatekeeper.sh/v1beta1', kind: 'Provider', name: 'passing' });
      const gone = await eventually('gone', async () => {
        const seen = JSON.parse(await observe('passing', fresh));
        return seen.status_code === 400 ? seen : undefined;
      });
      expect(gone).toEqual({ errors: null, responses: null, status_code: 400, system_error: 'key is not found in provider cache' });
      expect(JSON.parse(await observe('passing', kept))).toMatchObject({ status_code: 0, responses: [[kept, {}]] });
    });

    it.each(['\u0000', '\u0001', '\u000b', '\u001b', '\u007f', '\u{e0001}'])(
      'rig b1: an image with %j leaves the answer undefined',
      async (odd) => {
        expect(await observe('scripted', image('ok'), `x${odd}y`)).toBe('undefined');
        expect(provider.calls).toEqual([]);
      },
    );

    it('rig d1: keys come as they are written, repeated ones too', async () => {
      const [z, a, m] = [image('ok'), image('ok'), image('ok')];
      await observe('scripted', z, a, z, m, a);
      expect(provider.calls.map(({ keys }) => keys)).toEqual([[z, a, z, m, a]]);
    });

    it('rig d2, d3: asks by HTTP/1.1 over TLS 1.3, with its own certificate, on one connection', async () => {
      const names = [image('ok'), image('ok')];
      for (const name of names) await observe('scripted', name);
      const [first, second] = provider.calls;
      expect(first).toMatchObject({
        path: '/verify',
        protocol: 'TLSv1.3',
        client: { authorized: true, names: expect.stringContaining(`DNS:${GATEKEEPER_NAME}`) },
        body: `{"apiVersion":"externaldata.gatekeeper.sh/v1beta1","kind":"ProviderRequest","request":{"keys":["${names[0]}"]}}`,
      });
      const headers = ['Host', 'User-Agent', 'Content-Length', 'Content-Type', 'Accept-Encoding'];
      expect(first?.rawHeaders.filter((_, index) => index % 2 === 0)).toEqual(headers);
      expect(second?.connection).toBe(first?.connection);
    });

    it.each([
      [
        'nobody listens',
        'absent',
        'failed to send external data request: Post "https://127.0.0.1:9/verify": dial tcp 127.0.0.1:9: connect: connection refused',
      ],
      [
        'its certificate is of another CA',
        'mistrusted',
        `${SEND}tls: failed to verify certificate: x509: certificate signed by unknown authority`,
      ],
      ['69: the Provider has a timeout of 0', 'hasty', `${SEND}context deadline exceeded`],
    ])('rig j2: says why when %s', async (_, name, expected) => {
      expect(JSON.parse(await observe(name, image('ok')))).toEqual({
        errors: null,
        responses: null,
        status_code: 500,
        system_error: expected.replace('URL', 'https://P/verify'),
      });
    });
  });

  it('A1.8 asks nothing about what a constraint excludes, does not name, or does not select by its labels', async () => {
    const { client } = cluster;
    const spec = {
      match: {
        kinds: [{ apiGroups: [''], kinds: ['Pod'] }],
        excludedNamespaces: ['exempt', 'shop'],
        namespaces: ['exempt', 'chosen'],
        labelSelector: { matchLabels: { checked: 'yes' } },
      },
    };
    const base = constraint({ kind: 'CountersignVerifiedImages', name: 'chosen', namespaces: [], parameters: { provider: 'scripted' } });
    await createNamespaces(client, 'exempt', 'chosen', 'other');
    await declare({ ...base, spec: { ...Object(base.spec), ...spec } });
    const labelled = (namespace: string, checked: string, name: string) => {
      const made = pod(namespace, 'probe', name);
      return client.create({ ...made, metadata: { ...made.metadata, labels: { checked } } }, { dryRun: true });
    };
    expect(await labelled('exempt', 'yes', image('deny'))).toMatchObject({ admitted: true });
    expect(await labelled('other', 'yes', image('deny'))).toMatchObject({ admitted: true });
    expect(await labelled('chosen', 'no', image('deny'))).toMatchObject({ admitted: true });
    expect(provider.calls).toEqual([]);
    expect(await labelled('chosen', 'yes', image('deny'))).toMatchObject({ admitted: false });
    expect(provider.calls).toHaveLength(1);
  });

  it.each([
    ['absent', 'PROVIDER_UNREACHABLE', 'connection refused'],
    ['hasty', 'PROVIDER_UNREACHABLE', 'context deadline exceeded'],
    ['mistrusted', 'PROVIDER_FAILED', 'certificate signed by unknown authority'],
    ['nobody', 'PROVIDER_FAILED', 'key is not found in provider cache'],
  ])('says of the Provider %s what the page on troubleshooting has, %s and %s, before the message is cut', async (name, code, words) => {
    const page = readFileSync(join(import.meta.dirname, '../../docs/troubleshooting.md'), 'utf8').split('\n');
    expect(page.some((row) => row.startsWith(`| \`${code}\``) && row.split(' | ')[0]?.includes(`\`${words}\``))).toBe(true);
    await createNamespaces(cluster.client, `told-${name}`);
    await declare(verified(`told-${name}`, name));
    const { message } = await create(`told-${name}`, `registry.example.com/shop/${image('ok')}`);
    expect(message).toContain(`[told-${name}] `);
    expect(message).toContain(` ${code} containers[c0] registry.example.com/`);
    expect(message).toContain(words);
  });

  describe('rig h1: mutators', () => {
    const policies = ['Fail', 'Ignore', 'UseDefault'] as const;
    const namespaceOf = (policy: string) => `pinned-${policy.toLowerCase()}`;
    beforeAll(async () => {
      await createNamespaces(cluster.client, ...policies.map(namespaceOf));
      await declare(at('pinning', '/mutate', 1), ...policies.map((policy) => assign(namespaceOf(policy), policy)));
    });

    it.each(MUTATIONS)('given %s, fail, leave or replace as they are told', async (_, words, expected, others) => {
      const [bad, good] = [image(words), image('ok')];
      const [fail, ignore, useDefault] = await Promise.all(policies.map((policy) => create(namespaceOf(policy), bad, good)));
      const expectImages = (first: string, second: string) => ({ spec: { containers: [{ image: first }, { image: second }] } });
      const pinned = `${good}@sha256:${'0'.repeat(64)}`;
      expect(fail?.message).toMatch(expected);
      expect(ignore?.object).toMatchObject(expectImages(bad, others === 'pinned' ? pinned : good));
      expect(useDefault?.object).toMatchObject(expectImages(NOBODY_PINS, others === 'pinned' ? pinned : NOBODY_PINS));
    });

    it('rig d1: ask for an image once that is there twice', async () => {
      const name = image('ok');
      expect(await create(namespaceOf('Fail'), name, name)).toMatchObject({ admitted: true });
      expect(provider.calls.map(({ keys }) => keys)).toEqual([[name]]);
    });

    it('rig b3: ask for what holds a control character, and believe the answer', async () => {
      const name = `${image('ok')}\u0001`;
      expect((await create(namespaceOf('Fail'), name)).object?.spec).toMatchObject({
        containers: [{ image: expect.stringContaining('@sha256:') }],
      });
    });
  });

  describe('66: a provider that is slower than the webhook', () => {
    beforeAll(() => declare(verified('slow', 'patient')));
    afterAll(() => gatekeeper.setFailurePolicy('Fail'));

    it('is an internal error under the failure policy Fail', async () => {
      const { admitted: ok, status, message } = await create('slow', image('slow5000'));
      expect({ ok, status }).toEqual({ ok: false, status: 500 });
      expect(message).toContain('failed calling webhook "validation.gatekeeper.sh"');
    });

    it('admits what nobody has looked at under the failure policy Ignore', async () => {
      await gatekeeper.setFailurePolicy('Ignore');
      await eventually('ignored', async () => (await create('slow', image('deny-slow5000'))).admitted || undefined);
    });
  });

  it('rig e3: verifies thirty Pods at once where Gatekeeper may serve as many', async () => {
    await gatekeeper.restart({ responseCacheTtl: '0' });
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, index) => create('shop', image(index % 2 === 0 ? 'slow500' : 'deny-slow500'))),
    );
    expect(answers.map(({ admitted: ok }) => ok)).toEqual(answers.map((_, index) => index % 2 === 0));
    for (const { message } of answers.filter((_, index) => index % 2 === 1)) expect(message).toContain('refused NO_SIGNATURES');
  });

  it('77: decides on other Pods while a constraint changes behind a slow answer', async () => {
    const startedAt = performance.now();
    const slow = create('shop', image('slow1500'));
    const change = declare(
      constraint({ kind: 'CountersignVerifiedImages', name: 'shop', namespaces: ['shop', 'other'], parameters: { provider: 'scripted' } }),
    );
    const asked = create('shop', image('deny')).then((answer) => ({ answer, tookMs: performance.now() - startedAt }));
    const [{ answer: quick, tookMs }, late] = await Promise.all([asked, slow, change]);
    process.stderr.write(`beside a slow answer and a changed constraint, another Pod was decided on after ${tookMs.toFixed(0)} ms\n`);
    expect(quick.message).toContain('refused NO_SIGNATURES');
    expect(late).toMatchObject({ admitted: true });
    expect(tookMs).toBeLessThan(WEBHOOK_MS);
  });
});
