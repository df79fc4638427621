/**
 * Every finding of ADA Logics' audit (2023) and fuzzing (2022 and 2023) of the Notary Project that is about something that we have too;
 * catalogue.ts lists them all, and those that are not about us with the reason.
 */
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { startProvider } from '../../src/cli/serve.ts';
import { createFactCache } from '../../src/lib/cache.ts';
import { createLogger } from '../../src/lib/log.ts';
import { parseDistinguishedName } from '../../src/notation/identity.ts';
import { RegistryClient } from '../../src/oci/client.ts';
import * as der from '../der-writer.ts';
import { INDEX } from '../fakes/registry.ts';
import { judge, root as notationRoot, leaf as signer, verify } from '../notation/world.ts';
import { never } from '../oci/world.ts';
import { gatekeeperAuthority, serverPair, tlsFolder } from '../server/tls-files.ts';
import { signJws } from '../sign.ts';
import { DECLARED, type Gate, leaf, openGate, openScene, type Scene, stranger, verifierWith } from './gate.ts';
import { inSource } from './sources.ts';

const ROOT = join(import.meta.dirname, '../..');
let gate: Gate;
let scene: Scene;
beforeAll(async () => {
  gate = await openGate({ settings: { validating: { webhookMs: 30_000, providerMs: 29_000, deadlineMs: 25_000 } } });
  await gate.declare(DECLARED);
  scene = await openScene();
});
afterEach(() => scene.fake.mend());
afterAll(() => Promise.all([gate.close(), scene.fake.close()]));

describe('ADA Logics, audit of the Notary Project, 2023', () => {
  it('ADA-NOT-23-1: a list of referrers without end is given up after ten pages, and is a refusal', async () => {
    const endless = await openScene();
    const page = { schemaVersion: 2, mediaType: INDEX, manifests: [] };
    endless.fake.fault(/referrers/, { headers: { link: '<?more>; rel="next"' }, body: JSON.stringify(page) });
    expect(await gate.ask(endless.byTag)).toBe('refused TOO_MANY_REFERRERS');
    expect(endless.fake.requests.filter(({ kind }) => kind === 'referrers')).toHaveLength(10);
    await endless.fake.close();
  });

  it('ADA-NOT-23-2: fifty signatures are tried and no more, and giving up accepts nothing', async () => {
    const crowded = await openScene();
    for (let count = 0; count < 200; count++) {
      const time = new Date(Date.UTC(2025, 0, 1, 0, 0, count));
      crowded.fake.pushSignature({ subject: crowded.image, envelope: signJws({ signer: stranger, subject: crowded.image, time }) });
    }
    const listed = JSON.parse(Buffer.from(await referrersOf(crowded)).toString());
    crowded.fake.fault(/referrers/, { body: JSON.stringify({ ...listed, manifests: listed.manifests.toReversed() }) });
    expect(await gate.ask(crowded.byTag)).toBe('refused TOO_MANY_SIGNATURES');
    expect(crowded.fake.requests.filter(({ kind }) => kind === 'blob')).toHaveLength(50);
    await crowded.fake.close();
  });

  it('ADA-NOT-23-3: nothing is declared by the name of a global', () => {
    const declared = inSource(/(?<=\b(?:const|let|var|function\*?|class|interface|type) )[A-Za-z_$][\w$]*(?=[ =(<:])/g);
    expect(declared.length).toBeGreaterThan(500);
    const language: readonly string[] = runInNewContext('Object.getOwnPropertyNames(globalThis)');
    const globals = new Set([
      ...language,
      ...['fetch', 'crypto', 'performance', 'process', 'Buffer', 'URL', 'AbortSignal', 'structuredClone'],
    ]);
    expect(globals.has('Map')).toBe(true);
    expect(declared.filter((found) => globals.has(found.split(' ')[1] ?? ''))).toEqual([]);
  });

  it('ADA-NOT-23-4: no registry is spoken to over plain HTTP unless somebody says so', async () => {
    const client = new RegistryClient({ limits: { retryMs: 0 } });
    const repository = { registry: scene.fake.host, path: 'team/app' };
    expect(client.urlOf(repository, 'manifests/v1').protocol).toBe('https:');
    const before = scene.fake.requests.length;
    const asked = client.request(
      { method: 'GET', repository, url: client.urlOf(repository, 'manifests/v1'), signal: never },
      async () => undefined,
    );
    await expect(asked).rejects.toMatchObject({ code: 'REGISTRY_UNREACHABLE' });
    expect(scene.fake.requests).toHaveLength(before);
    await client.close();
  });

  it('ADA-NOT-23-4: who starts it with --plain-http is warned', async () => {
    const authority = gatekeeperAuthority();
    const tls = tlsFolder({ ...serverPair(authority), ca: authority.pem });
    const log: string[] = [];
    const served = await startProvider(
      {
        config: join(ROOT, 'test/cli/layout.yaml'),
        listen: '127.0.0.1:0',
        admin: '127.0.0.1:0',
        tlsCert: tls.cert,
        tlsKey: tls.key,
        clientCa: tls.clientCa,
        clientName: 'x.svc',
        clientAuth: true,
        plainHttp: true,
      },
      createLogger({ level: 'warn', stream: { write: (line) => void log.push(line) } }),
    );
    expect(log.join('')).toMatch(/"level":"warn".*"msg":"PLAIN HTTP: whoever is on the way to a registry/);
    await served.close();
    tls.dispose();
  });

  it('ADA-NOT-23-5: no credential comes out of the environment', () => {
    expect(inSource(/process\.env[.[]\w+/g)).toEqual([
      'cli/serve.ts process.env.NODE_TLS_REJECT_UNAUTHORIZED',
      'credentials/docker-config.ts process.env.DOCKER_CONFIG',
      'kube/connection.ts process.env.KUBERNETES_SERVICE_HOST',
      'kube/connection.ts process.env.KUBECONFIG',
      'kube/connection.ts process.env.HOME',
    ]);
    // Alibaba Cloud's own names, which its documents tell to set; they are read for its API alone.
    expect(inSource(/process\.env\b(?![.])/g)).toEqual(['cloud/alibaba.ts process.env']);
  });

  it('ADA-NOT-23-6: an image asked for by digest is never another one, whatever the registry answers', async () => {
    const { fake, image: signed, tag } = scene;
    const other = fake.pushImage({ name: 'malicious', tag: 'malicious' });
    const tags = new Map([
      [signed, tag],
      [other, 'malicious'],
    ]);
    for (const asked of [signed, other]) {
      for (const given of [signed, other]) {
        // The bytes, the digest header and the signatures of `given` for the digest of `asked`, and nothing known of either.
        fake.mend();
        await gate.declare(DECLARED);
        if (asked !== given) fake.fault(new RegExp(`(HEAD|GET) .*manifests/${asked.digest}`), await copyOf(`manifests/${tags.get(given)}`));
        fake.fault(new RegExp(`GET .*referrers/${asked.digest}`), { body: await referrersOf({ ...scene, image: given }) });
        const said = await gate.ask(`[${tags.get(asked)}-${tags.get(given)}]${fake.host}/team/app@${asked.digest}`);
        expect(said).toBe(asked !== given ? 'refused CONTENT_INVALID' : asked === signed ? 'accepted VERIFIED' : 'refused NO_SIGNATURES');
      }
    }
  });

  it('ADA-NOT-23-6: signatures of another image are none, though the registry lists them and the digest is right', async () => {
    const { fake, image: signed } = scene;
    const other = fake.pushImage({ name: 'also malicious', tag: 'also' });
    fake.fault(new RegExp(`GET .*referrers/${other.digest}`), { body: await referrersOf(scene) });
    expect(await gate.ask(`${fake.host}/team/app@${other.digest}`)).toBe('refused ENVELOPE_INVALID');
    fake.mend();
    fake.pushSignature({ subject: other, envelope: signJws({ signer: leaf, subject: signed }) });
    expect(await gate.ask(`[again]${fake.host}/team/app@${other.digest}`)).toBe('refused PAYLOAD_MISMATCH');
  });

  it('ADA-NOT-23-7: of many large signatures no more is kept than the caches may hold', async () => {
    const cache = createFactCache({ maxBytes: 2 * 1024 * 1024 });
    for (let count = 0; count < 40; count++) {
      const envelope = signJws({ signer, header: { filler: String(count).padStart(200_000, 'x') } });
      const { error, envelope: content } = await verify(envelope, { facts: cache });
      expect(error).toBeUndefined();
      expect(JSON.stringify(content?.extendedAttributes)).toHaveLength(2);
      expect(cache.bytes()).toBeLessThanOrEqual(2 * 1024 * 1024);
    }
  });
});

describe('ADA Logics, fuzzing of the Notary Project, 2022 and 2023', () => {
  it('ADA-FUZZ-1, CVE-2023-25656: a name with a value in BER is no identity, and costs nothing', async () => {
    const text = `C=US,ST=WA,O=#0484ffffffff${'00'.repeat(50_000)}`;
    expect(() => parseDistinguishedName(text)).toThrow(/containing "=#" are not supported/);
    expect(
      await judge(
        signJws({
          signer: notationRoot.leaf({
            subject: [
              ['C', 'US'],
              ['ST', 'WA'],
              ['1.2.3', der.utf8('x')],
            ],
          }),
        }),
        { identities: ['x509.subject: C=US, ST=WA, O=x'] },
      ),
    ).toBe('authenticity IDENTITY_UNTRUSTED');
    await gate.declare([...DECLARED.slice(0, 2), verifierWith({ trustedIdentities: ['x509.subject: C=US, ST=WA, O=#0484ffffffff'] })]);
    expect(await gate.ask(`[ber]${scene.byTag}`)).toBe('misconfigured NO_VERIFIER');
    await gate.declare(DECLARED);
  });

  it('ADA-FUZZ-2: a name is read or refused, and never anything else, whatever stands in it', () => {
    const piece = fc.constantFrom(
      'C=US',
      'ST=WA',
      'O=x',
      'O',
      '=',
      '#',
      '#04',
      '\\',
      '\\0',
      '\\,',
      '+',
      ';',
      ',',
      ' ',
      '"',
      '\u0000',
      'é',
      '\ud800',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')),
        ),
        (text) => {
          try {
            parseDistinguishedName(text);
          } catch (error) {
            expect(error).toBeInstanceOf(RangeError);
          }
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

/** What the registry answers for a path, to be answered for another. */
async function copyOf(path: string): Promise<{ status: number; headers: Record<string, string>; body: Uint8Array }> {
  const answer = await fetch(`${scene.fake.origin}/v2/team/app/${path}`);
  const headers = {
    'content-type': answer.headers.get('content-type') ?? '',
    'docker-content-digest': answer.headers.get('docker-content-digest') ?? '',
  };
  return { status: 200, headers, body: new Uint8Array(await answer.arrayBuffer()) };
}

async function referrersOf({ fake, image }: Pick<Scene, 'fake' | 'image'>): Promise<Uint8Array> {
  const answer = await fetch(`${fake.origin}/v2/team/app/referrers/${image.digest}`);
  return new Uint8Array(await answer.arrayBuffer());
}
