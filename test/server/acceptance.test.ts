import { Agent } from 'node:https';
import { connect as connectTcp, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { INDEX } from '../fakes/registry.ts';
import { DECLARED, type Gate, leaf, openGate, openScene, type Scene, verifierWith } from '../security/gate.ts';
import { signJws } from '../sign.ts';
import { bodyOf, MUTATE, parseAnswer, startTestProvider, VERIFY } from './running-provider.ts';

/** Cases of Gatekeeper's acceptance list that need the declared objects and a registry beside the protocol. */
describe('a verdict', () => {
  let gate: Gate;
  let scene: Scene;
  beforeAll(async () => {
    gate = await openGate({ settings: { validating: { webhookMs: 30_000, providerMs: 29_000, deadlineMs: 25_000 } } });
    await gate.declare(DECLARED);
    scene = await openScene();
  });
  afterAll(() => Promise.all([gate.close(), scene.fake.close()]));

  it('49: on an image that no statement is for is a refusal, and no empty success', async () => {
    await gate.declare(DECLARED.toSpliced(2, 1, verifierWith({ registryScopes: ['reg.example/other'] })));
    const { response } = await gate.answer(scene.byTag);
    expect(response.systemError).toBe('');
    expect(response.items?.[0]).toMatchObject({ key: scene.byTag, value: { isSuccess: false, reason: { code: 'NO_APPLICABLE_POLICY' } } });
    await gate.declare(DECLARED);
  });

  it('54: on a tag names the digest that was judged', async () => {
    const { response } = await gate.answer(`[a]${scene.byTag}`);
    expect(response.items?.[0]?.value).toMatchObject({ isSuccess: true, digest: scene.image.digest });
  });

  it('54: on an index is about the index, whatever its manifests are', async () => {
    const { fake, image } = scene;
    const { mediaType, digest, size } = image;
    const content = {
      schemaVersion: 2,
      mediaType: INDEX,
      manifests: [{ mediaType, digest, size, platform: { architecture: 'amd64', os: 'linux' } }],
    };
    const index = fake.push.manifest({ content, mediaType: INDEX, tag: 'multi' });
    const key = `${fake.host}/team/app:multi`;
    const unsigned = await gate.answer(`[a]${key}`);
    expect(unsigned.response.items?.[0]?.value).toMatchObject({
      isSuccess: false,
      digest: index.digest,
      reason: { code: 'NO_SIGNATURES' },
    });
    fake.pushSignature({ subject: index, envelope: signJws({ signer: leaf, subject: index }) });
    const signed = await gate.answer(`[b]${key}`);
    expect(signed.response.items?.[0]?.value).toMatchObject({ isSuccess: true, digest: index.digest });
  });

  it('62: is no string, and a pinned reference no verdict: neither endpoint passes for the other', async () => {
    const [verified, pinned] = [await gate.provider.ask([scene.byTag], VERIFY), await gate.provider.ask([scene.byTag], MUTATE)];
    expect(typeof verified.response.items?.[0]?.value).toBe('object');
    expect(typeof pinned.response.items?.[0]?.value).toBe('string');
    // A template that asks for isSuccess or succeeded finds nothing there.
    expect(pinned.response.items?.[0]?.value.isSuccess).toBeUndefined();
    const scoped = await gate.provider.ask([`[team]${scene.byTag}`], MUTATE);
    expect(scoped.response.items).toEqual([{ key: `[team]${scene.byTag}`, error: expect.stringMatching(/^INVALID_REFERENCE: /) }]);
  });
});

describe('many connections', () => {
  it('A-C-04: beyond the bound are dropped, and those within it are served', async () => {
    const provider = await startTestProvider({ limits: { maxConnections: 6 } });
    const held = await Promise.all(Array.from({ length: 6 }, () => provider.socket()));
    await expect(provider.socket()).rejects.toMatchObject({ code: 'ECONNRESET' });
    const [first] = held;
    const body = bodyOf(['reg.test/app:1']);
    const text = await new Promise<string>((resolve) => {
      let read = '';
      first?.setEncoding('utf8').on('data', (chunk: string) => {
        read += chunk;
      });
      first?.on('close', () => resolve(read));
      first?.write(`POST ${VERIFY} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    });
    expect(parseAnswer(text)).toMatchObject({ status: 200, response: { items: [{ value: { isSuccess: true } }] } });
    for (const socket of held) socket.destroy();
    await provider.close();
  });

  it('A-C-04: that never finish their handshake are let go', async () => {
    const provider = await startTestProvider({ limits: { callerTimeoutMs: 200, maxConnections: 20 } });
    const mute: Socket[] = [];
    const gone = Array.from({ length: 20 }, () => {
      const socket = connectTcp(provider.port, '127.0.0.1');
      mute.push(socket);
      return new Promise<void>((resolve) => void socket.on('error', () => undefined).on('close', () => resolve()));
    });
    await Promise.all(gone);
    expect((await provider.ask(['reg.test/app:1'])).status).toBe(200);
    await provider.close();
  });

  it('A-C-04: one connection may ask a thousand times, one after the other, and every answer is its own', async () => {
    const provider = await startTestProvider();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const keys = Array.from({ length: 1000 }, (_, at) => `reg.test/app${at}:1`);
    const answers = await Promise.all(keys.map((key) => provider.send({ method: 'POST', path: VERIFY, agent }, bodyOf([key]))));
    expect(answers.map(({ response }) => response.items?.map((item) => [item.key, item.value?.isSuccess]))).toEqual(
      keys.map((key) => [[key, true]]),
    );
    agent.destroy();
    await provider.close();
  });

  it('A-C-09: one that says no more after its request is answered', async () => {
    const provider = await startTestProvider();
    const socket = await provider.socket();
    const body = bodyOf(['reg.test/app:1']);
    const text = await new Promise<string>((resolve) => {
      let read = '';
      socket.setEncoding('utf8').on('data', (chunk: string) => {
        read += chunk;
      });
      socket.on('close', () => resolve(read)).on('end', () => socket.end());
      socket.end(`POST ${VERIFY} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    });
    expect(parseAnswer(text)).toMatchObject({ status: 200, response: { items: [{ value: { isSuccess: true } }] } });
    await provider.close();
  });
});
