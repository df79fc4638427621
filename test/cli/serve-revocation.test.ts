import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type RunningProvider, startProvider } from '../e2e/provider.ts';
import { type FakeRegistry, REPOSITORY, startFakeRegistry } from '../fakes/registry.ts';
import { type Issued, OID, pki } from '../pki.ts';
import { distributionPoints, entry, ocspResponse, responders, revocationList } from '../revocation-answers.ts';
import { signJws } from '../sign.ts';

const PATH = '/ratify/gatekeeper/v1/verify';
const DAY = 24 * 3_600_000;
const root = pki.root();
const times = () => ({ thisUpdate: new Date(Date.now() - DAY), nextUpdate: new Date(Date.now() + DAY) });

/** Answers by the first part of the path, and what was asked. */
const answers = new Map<string, () => Uint8Array>();
const asked: string[] = [];
const responder = createServer((request, response) => {
  const name = request.url?.split('/')[1] ?? '';
  asked.push(name);
  const body = answers.get(name);
  if (body === undefined) response.writeHead(503).end();
  else response.end(body());
});
let host = '';
let registry: FakeRegistry;
let provider: RunningProvider | undefined;
const dir = mkdtempSync(join(tmpdir(), 'countersign-revocation-'));

beforeAll(async () => {
  await new Promise<void>((resolve) => responder.listen(0, '127.0.0.1', resolve));
  // A server on a port has an address of this shape.
  host = `127.0.0.1:${(responder.address() as AddressInfo).port}`;
  registry = await startFakeRegistry();
});

afterEach(async () => {
  await provider?.stop();
  provider = undefined;
  answers.clear();
  asked.length = 0;
});

afterAll(async () => {
  responder.close();
  responder.closeAllConnections();
  await registry.close();
  rmSync(dir, { recursive: true });
});

const asking = (ocsp: string | undefined, crl: string | undefined): Issued =>
  root.leaf({
    extensions: {
      ...(ocsp === undefined ? {} : { [OID.authorityInfoAccess]: { value: responders(`http://${host}/${ocsp}`) } }),
      ...(crl === undefined ? {} : { [OID.crlDistributionPoints]: { value: distributionPoints(`http://${host}/${crl}`) } }),
    },
  });

/** Images of their own, all signed by one signer. */
function images(signer: Issued, count: number): readonly string[] {
  return Array.from({ length: count }, () => {
    const subject = registry.pushImage({ name: `${Math.random()}` });
    registry.pushSignature({ subject, envelope: signJws({ signer, subject }) });
    return `${registry.host}/${REPOSITORY}@${subject.digest}`;
  });
}

async function start(allowedHosts: readonly string[], level: object = { level: 'strict' }): Promise<RunningProvider> {
  const object = (kind: string, name: string, spec: object) => ({
    apiVersion: 'config.ratify.deislabs.io/v1beta1',
    kind,
    metadata: { name },
    spec,
  });
  const statement = {
    name: 'all',
    registryScopes: ['*'],
    signatureVerification: level,
    trustStores: ['ca:acme'],
    trustedIdentities: ['*'],
  };
  const objects = [
    object('KeyManagementProvider', 'acme', { type: 'inline', parameters: { contentType: 'certificate', value: root.pem } }),
    object('Store', 'registries', { name: 'oras', parameters: { useHttp: true } }),
    object('Policy', 'ratify-policy', { type: 'config-policy', parameters: { artifactVerificationPolicies: { default: 'any' } } }),
    object('Verifier', 'notation', {
      name: 'notation',
      artifactTypes: 'application/vnd.cncf.notary.signature',
      parameters: {
        verificationCertStores: { ca: { acme: ['acme'] } },
        trustPolicyDoc: { version: '1.0', trustPolicies: [statement] },
      },
    }),
  ];
  const config = join(dir, 'config.yaml');
  const settings = join(dir, 'settings.yaml');
  writeFileSync(config, objects.map((one) => JSON.stringify(one)).join('\n---\n'));
  writeFileSync(settings, JSON.stringify({ revocation: { allowedHosts } }));
  provider = await startProvider(config, ['--settings', settings]);
  return provider;
}

describe('serve', () => {
  it('asks a responder once for many images of one signer, and accepts them', async () => {
    const signer = asking('ocsp', undefined);
    answers.set('ocsp', () => ocspResponse({ certificate: signer.cert, issuer: root, ...times() }));
    const { ask } = await start([host]);
    const { response } = await ask(PATH, images(signer, 20));
    expect(response.items?.map(({ value }) => value?.isSuccess)).toEqual(Array(20).fill(true));
    expect(asked).toEqual(['ocsp']);
  });

  it('refuses what is revoked, by the responder or by the list where the responder is down', async () => {
    const signers = [asking('ocsp', undefined), asking('down', 'crl')] as const;
    answers.set('ocsp', () => ocspResponse({ certificate: signers[0].cert, issuer: root, status: 'revoked', ...times() }));
    answers.set('crl', () => revocationList({ issuer: root, entries: [entry(signers[1].cert)], ...times() }));
    const { ask } = await start([host]);
    const { response } = await ask(
      PATH,
      signers.flatMap((signer) => images(signer, 1)),
    );
    expect(response.items?.map(({ value }) => [value?.isSuccess, value?.reason.code])).toEqual(
      Array(2).fill([false, 'CERTIFICATE_REVOKED']),
    );
    expect(asked.toSorted()).toEqual(['crl', 'down', 'ocsp']);
  });

  it('is without an answer where the responder is, and accepts as soon as it is back', async () => {
    const signer = asking('ocsp', undefined);
    const keys = images(signer, 10);
    const { ask } = await start([host]);
    for (let round = 0; round < 3; round++) {
      const { response } = await ask(PATH, keys);
      expect(response.items ?? []).toEqual([]);
      expect(response.systemError).toContain('REVOCATION_UNKNOWN');
    }
    answers.set('ocsp', () => ocspResponse({ certificate: signer.cert, issuer: root, ...times() }));
    asked.splice(0);
    const { response } = await ask(PATH, keys);
    expect(response.items?.map(({ value }) => value?.isSuccess)).toEqual(Array(10).fill(true));
    expect(asked).toEqual(['ocsp']);
  });

  it('asks nobody inside the network who is not allowed in the settings', async () => {
    const { ask } = await start([]);
    const { response } = await ask(PATH, images(asking('ocsp', undefined), 1));
    expect(response.items ?? []).toEqual([]);
    expect(response.systemError).toContain('REVOCATION_UNKNOWN');
    expect(asked).toEqual([]);
  });

  it('notes what is unknown where revocation is only noted, and accepts', async () => {
    const { ask } = await start([host], { level: 'strict', override: { revocation: 'log' } });
    const { response } = await ask(PATH, images(asking('ocsp', undefined), 1));
    expect(response.items?.[0]?.value?.isSuccess).toBe(true);
    expect(asked).toEqual(['ocsp']);
  });
});
