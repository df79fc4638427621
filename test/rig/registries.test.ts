// @rig olareg, registry, notation
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ensureTools } from './build.ts';
import { INDEX_TYPE, tinyIndex } from './images.ts';
import { createNotation, type Notation } from './notation.ts';
import { RIG_LOGIN, type RunningRegistry, startDistribution, startOlareg } from './registries.ts';
import { manifestsOf, registryClient } from './registry-client.ts';

const SIGNATURE_TYPE = 'application/vnd.cncf.notary.signature';
const BUILD_WITHIN_MS = 30 * 60_000;
const KEY = { name: 'rig.test' };

describe('the rig', () => {
  let dir: string;
  let olareg: RunningRegistry;
  let distribution: RunningRegistry;
  let guarded: RunningRegistry;
  let notation: Notation;
  let certificate: string;

  beforeAll(async () => {
    const tools = await ensureTools(['olareg', 'registry', 'notation']);
    dir = await mkdtemp(join(tmpdir(), 'countersign-rig-'));
    olareg = await startOlareg({ bin: tools.olareg });
    distribution = await startDistribution({ bin: tools.registry, dir: join(dir, 'open') });
    guarded = await startDistribution({ bin: tools.registry, dir: join(dir, 'guarded'), auth: true });
    notation = await createNotation({ bin: tools.notation });
    certificate = await notation.generateTest(KEY.name);
  }, BUILD_WITHIN_MS);

  afterAll(async () => {
    await Promise.all([olareg?.stop(), distribution?.stop(), guarded?.stop(), notation?.dispose()]);
    if (dir !== undefined) await rm(dir, { recursive: true, force: true });
  });

  const verify = (reference: string, login?: typeof RIG_LOGIN) =>
    notation.verify({
      reference,
      plainHttp: true,
      ...(login === undefined ? {} : { login }),
      trustStores: { 'ca:rig': [certificate] },
      trustPolicy: {
        version: '1.0',
        trustPolicies: [
          {
            name: 'rig',
            registryScopes: ['*'],
            signatureVerification: { level: 'strict' },
            trustStores: ['ca:rig'],
            trustedIdentities: ['*'],
          },
        ],
      },
    });

  it('lists a signature by the referrers API of olareg', async () => {
    const client = registryClient(olareg.host);
    const image = tinyIndex('by the API');
    const { digest } = image.descriptor;
    await client.push('rig/app', image, 'v1');
    const reference = `${olareg.host}/rig/app@${digest}`;
    expect(await verify(reference)).toMatchObject({ ok: false, output: expect.stringContaining('no signature is associated') });

    await notation.sign({ reference, key: KEY, format: 'jws', forceReferrersTag: false, plainHttp: true });

    const answer = await client.referrers('rig/app', digest);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, INDEX_TYPE]);
    expect(manifestsOf(await answer.bytes())).toMatchObject([{ artifactType: SIGNATURE_TYPE }]);
    expect(await verify(reference)).toMatchObject({ ok: true });
  });

  it('lists a signature by the tag schema of distribution, which has no referrers API', async () => {
    const client = registryClient(distribution.host);
    const image = tinyIndex('by the tag');
    const { digest } = image.descriptor;
    await client.push('rig/app', image, 'v1');
    const reference = `${distribution.host}/rig/app@${digest}`;

    await notation.sign({ reference, key: KEY, format: 'cose', plainHttp: true });

    expect((await client.referrers('rig/app', digest)).status).toBe(404);
    const tagged = await client.manifest('rig/app', digest.replace(':', '-'));
    expect(manifestsOf(tagged)).toMatchObject([{ artifactType: SIGNATURE_TYPE }]);
    expect(await verify(reference)).toMatchObject({ ok: true });
  });

  it('has a distribution that asks for a login', async () => {
    const image = tinyIndex('behind a login');
    await expect(registryClient(guarded.host).push('rig/app', image)).rejects.toThrow('401');

    await registryClient(guarded.host, RIG_LOGIN).push('rig/app', image);
    const reference = `${guarded.host}/rig/app@${image.descriptor.digest}`;
    await notation.sign({ reference, key: KEY, format: 'jws', plainHttp: true, login: RIG_LOGIN });

    expect(await verify(reference, RIG_LOGIN)).toMatchObject({ ok: true });
  });

  it('frees the port when a registry is stopped', async () => {
    const { olareg: bin } = await ensureTools(['olareg']);
    const registry = await startOlareg({ bin });
    await registry.stop();
    await expect(fetch(`http://${registry.host}/v2/`)).rejects.toThrow('fetch failed');
  });
});
