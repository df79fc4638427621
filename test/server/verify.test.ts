import { afterEach, describe, expect, it } from '@jest/globals';
import type { Descriptor, Engine } from '../../src/engine/types.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { descriptorOf, FakeStoreError, fakeWorld, snapshotOf } from './fake-engine.ts';
import { startTestProvider, type TestProvider, type TestProviderOptions, VERIFY } from './running-provider.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const running: TestProvider[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((provider) => provider.close()));
});

async function start(options: TestProviderOptions = {}): Promise<TestProvider> {
  const provider = await startTestProvider(options);
  running.push(provider);
  return provider;
}

const deadlines = (deadlineMs: number) => ({ validating: { webhookMs: 3000, providerMs: 2000, deadlineMs } });
const forever = () => new Promise<never>(() => undefined);
const fails =
  (code: string, message = 'it went wrong') =>
  () =>
    Promise.reject(new FakeStoreError(code, message));

/** Answers only when told to. */
function held() {
  const begun = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<Descriptor>();
  const behaviour = () => {
    begun.resolve();
    return answer.promise;
  };
  return { begun: begun.promise, answer, behaviour };
}

describe('/verify', () => {
  it('1: answers a good key in the field’s shape, with Ratify’s members and ours', async () => {
    const provider = await start();
    const key = `[team-a]reg.test/app@${DIGEST}`;
    const { status, apiVersion, kind, response } = await provider.ask([key]);
    expect({ status, apiVersion, kind }).toEqual({
      status: 200,
      apiVersion: 'externaldata.gatekeeper.sh/v1beta1',
      kind: 'ProviderResponse',
    });
    expect(response).toEqual({
      idempotent: true,
      systemError: '',
      items: [
        {
          key,
          value: {
            version: '0.2.0',
            isSuccess: true,
            traceID: expect.stringMatching(/^[0-9a-f-]{36}$/),
            timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
            verifierReports: [
              {
                subject: `reg.test/app@${DIGEST}`,
                isSuccess: true,
                name: 'verifier-notation',
                verifierName: 'verifier-notation',
                type: 'notation',
                verifierType: 'notation',
                referenceDigest: descriptorOf('app signature').digest,
                artifactType: 'application/vnd.cncf.notary.signature',
                message: 'Notation signature verification success',
                extensions: { Issuer: 'CN=root,O=acme', SN: 'CN=signer,O=acme' },
                reason: { code: 'VERIFIED', message: 'verified' },
                trace: [{ step: 'integrity', action: 'enforce', error: null }],
              },
            ],
            outcome: 'accepted',
            reason: { code: 'VERIFIED', message: 'verified' },
            digest: DIGEST,
            policy: 'ratify-policy',
            rules: [{ name: 'ratify-policy', family: 'ratify', outcome: 'accepted', reason: { code: 'VERIFIED', message: 'verified' } }],
            revision: 'revision-1',
            validUntil: null,
          },
        },
      ],
    });
  });

  it('answers in Ratify v2’s shape at its path', async () => {
    const provider = await start();
    const { response } = await provider.ask([`reg.test/app@${DIGEST}`, `reg.test/bad@${DIGEST}`], '/ratify/gatekeeper/v2/verify');
    expect(response.items?.[0]?.value).toMatchObject({
      succeeded: true,
      artifactReports: [{ subject: `reg.test/app@${DIGEST}`, artifact: descriptorOf('app signature').digest, artifactReports: [] }],
    });
    expect(response.items?.[0]?.value.artifactReports[0].results[0].errorReason).toBeUndefined();
    expect(JSON.parse(response.items?.[0]?.value.artifactReports[0].results[0].detail)).toEqual({
      subject: 'CN=signer,O=acme',
      issuer: 'CN=root,O=acme',
    });
    expect(response.items?.[1]?.value).toMatchObject({ succeeded: false, reason: { code: 'SIGNATURE_INVALID' } });
    expect(response.items?.[1]?.value.artifactReports[0].results[0].errorReason).toBe('the signature is not of a trusted signer');
  });

  it('answers at our own path too', async () => {
    const provider = await start();
    expect((await provider.ask(['reg.test/app'], '/countersign/v1/verify')).response.items?.[0]?.value.isSuccess).toBe(true);
  });

  it('2, 9: keeps the order of the request and echoes every key byte for byte', async () => {
    const provider = await start();
    const keys = ['reg.test/bad:1', '<b>&\u2028日本\u{1f511}e\u0301', 'reg.test/app:1', '\ud800', '[]nginx', 'reg.test/unsigned:1'];
    const { response } = await provider.ask(keys);
    expect(response.items?.map((item) => item.key)).toEqual(keys);
    expect(response.items?.map((item) => item.value?.outcome ?? item.error?.slice(0, 17))).toEqual([
      'refused',
      'INVALID_REFERENCE',
      'accepted',
      'INVALID_REFERENCE',
      'accepted',
      'refused',
    ]);
  });

  it('3: judges a repeated key once and answers it once', async () => {
    const provider = await start();
    const { response } = await provider.ask(['reg.test/app:1', 'reg.test/app:1', 'reg.test/app:1']);
    expect(response.items).toHaveLength(1);
    expect(provider.world.resolved).toHaveLength(1);
  });

  it('7: answers an empty and a blank key by themselves', async () => {
    const provider = await start();
    const { response } = await provider.ask(['', '  ', 'reg.test/app:1']);
    expect(response.items?.slice(0, 2)).toEqual(['', '  '].map((key) => ({ key, error: expect.stringContaining('INVALID_REFERENCE') })));
    expect(response.items?.[2]?.value.isSuccess).toBe(true);
  });

  it('gives templates that walk the reports one to show for an image without signatures', async () => {
    const provider = await start();
    const { response } = await provider.ask(['reg.test/unsigned:1']);
    expect(response.items?.[0]?.value).toMatchObject({
      isSuccess: false,
      outcome: 'refused',
      reason: { code: 'NO_SIGNATURES' },
      verifierReports: [
        {
          subject: 'reg.test/unsigned:1',
          isSuccess: false,
          message: 'failed to verify artifact: reg.test/unsigned:1',
          errorReason: expect.stringContaining('no signature'),
        },
      ],
    });
  });

  it.each([
    ['the image is not known', 'IMAGE_NOT_FOUND', 'refused'],
    ['content does not match its digest', 'CONTENT_INVALID', 'refused'],
    ['a crowd of referrers', 'TOO_MANY_REFERRERS', 'refused'],
  ])('answers %s as an item that is refused with one report', async (_case, code, outcome) => {
    const provider = await start();
    provider.world.behaviours.set('app', fails(code));
    const { response } = await provider.ask(['reg.test/app:1']);
    expect(response.systemError).toBe('');
    expect(response.items?.[0]?.value).toMatchObject({
      isSuccess: false,
      outcome,
      reason: { code },
      digest: null,
      policy: 'ratify-policy',
    });
    expect(response.items?.[0]?.value.verifierReports).toHaveLength(1);
  });

  it.each([
    ['51: a registry that cannot be reached', 'REGISTRY_UNREACHABLE', 'unavailable'],
    ['43: a registry that throttles', 'REGISTRY_THROTTLED', 'unavailable'],
    ['51: a registry that denies us', 'REGISTRY_DENIED', 'unavailable'],
    ['51: content that was cut short', 'CONTENT_TRUNCATED', 'unavailable'],
    ['a trust store that cannot be used', 'TRUST_STORE_INVALID', 'misconfigured'],
  ])('leaves %s out of the items, names it in systemError, and asks again the next time', async (_case, code, outcome) => {
    const provider = await start();
    provider.world.behaviours.set('down', fails(code));
    for (const times of [1, 2]) {
      const { status, response } = await provider.ask(['reg.test/down:1', 'reg.test/app:1']);
      expect(status).toBe(200);
      expect(response.items?.map((item) => item.key)).toEqual(['reg.test/app:1']);
      expect(response.systemError).toBe(`1 of 2 images not evaluated: reg.test/down:1 (${outcome} ${code}): it went wrong`);
      expect(provider.world.resolved.filter(({ path }) => path === 'down')).toHaveLength(times);
    }
  });

  it('calls an error of ours unavailable and INTERNAL, and keeps its text to the log', async () => {
    const provider = await start();
    provider.world.behaviours.set('app', () => Promise.reject(new TypeError('secret detail')));
    const { response, text } = await provider.ask(['reg.test/app:1']);
    expect(response.items).toEqual([]);
    expect(response.systemError).toContain('(unavailable INTERNAL)');
    expect(text).not.toContain('secret detail');
    expect(provider.log.join('')).toContain('secret detail');
  });

  it.each([
    ['50: nothing is declared', { misconfigured: { code: 'NO_VERIFIER', message: 'no Verifier is declared' } }, 'NO_VERIFIER'],
    ['no Store is declared', { store: undefined }, 'NO_STORE'],
    ['50: there is no rule', { rules: [] }, 'NO_VERIFIER'],
  ])('never passes when %s', async (_case, change, code) => {
    const provider = await start();
    provider.use(snapshotOf(provider.world.engine('revision-1', change as Partial<Engine>)), false);
    const { response } = await provider.ask(['reg.test/app:1']);
    expect(response.items).toEqual([]);
    expect(response.systemError).toContain(`reg.test/app:1 (misconfigured ${code})`);
    expect(await provider.readAdmin('/readyz')).toEqual({ status: 503, text: expect.stringContaining('misconfigured') });
  });

  it('53: gives every item a value or an error, never both and never neither', async () => {
    const provider = await start();
    provider.world.behaviours.set('down', fails('REGISTRY_UNREACHABLE'));
    const keys = ['reg.test/app:1', 'reg.test/bad:1', 'reg.test/down:1', '', '[', 'reg.test/unsigned:1', '\ud800'];
    for (const path of [VERIFY, '/ratify/gatekeeper/v2/verify', '/ratify/gatekeeper/v1/mutate', '/ratify/gatekeeper/v2/mutate']) {
      for (const item of (await provider.ask(keys, path)).response.items ?? []) {
        expect('value' in item).not.toBe('error' in item);
        expect(item.error ?? 'x').not.toBe('');
        expect(item.value).not.toBeNull();
      }
    }
  });
});

describe('kept verdicts', () => {
  const stable = (value: Record<string, unknown>) => JSON.stringify({ ...value, traceID: '', timestamp: '' });

  it('46: answer byte for byte the same but for traceID and timestamp', async () => {
    const provider = await start();
    const [first, second] = [await provider.ask([`app@${DIGEST}`]), await provider.ask([`app@${DIGEST}`])];
    expect(stable(second.response.items?.[0]?.value)).toBe(stable(first.response.items?.[0]?.value));
    expect(second.response.items?.[0]?.value.traceID).not.toBe(first.response.items?.[0]?.value.traceID);
    expect(provider.world.resolved).toHaveLength(1);
  });

  it('47, A-C-13: are not used for another revision, and the answer says which it is', async () => {
    const provider = await start();
    await provider.ask([`app@${DIGEST}`]);
    const other = fakeWorld();
    other.behaviours.set('library/app', fails('IMAGE_NOT_FOUND'));
    provider.use(snapshotOf(other.engine('revision-2')));
    const { response } = await provider.ask([`app@${DIGEST}`]);
    expect(response.items?.[0]?.value).toMatchObject({ isSuccess: false, revision: 'revision-2' });
  });

  it('A-C-11: of one namespace are not another’s', async () => {
    const provider = await start();
    const strict = fakeWorld();
    strict.behaviours.set('library/app', fails('IMAGE_NOT_FOUND'));
    const [mild, hard] = [provider.world.engine('same'), strict.engine('same')];
    provider.use({ for: (namespace) => (namespace === 'hard' ? hard : mild) });
    const { response } = await provider.ask(['[mild]app:1', '[hard]app:1', 'app:1']);
    expect(response.items?.map((item) => item.value.isSuccess)).toEqual([true, false, true]);
    expect(provider.world.resolved).toHaveLength(2);
  });

  it('are shared by spellings of one key, and kept apart by its attributes', async () => {
    const provider = await start();
    await provider.ask(['[]app:1', 'app:1', '[?a=1]app:1', '[?a=2]app:1']);
    expect(provider.world.resolved).toHaveLength(3);
  });

  it('A-C-15, A-C-16: last 60 s when accepted, 5 s when refused, and never longer than what they rest on', async () => {
    let ms = 1_800_000_000_000;
    const clock: Clock = { now: () => ms, monotonic: () => ms };
    const provider = await start({ clock });
    const counts = async () => {
      provider.world.resolved.length = 0;
      await provider.ask([`reg.test/app@${DIGEST}`, `reg.test/bad@${DIGEST}`, 'reg.test/tagged:1']);
      return provider.world.resolved.map(({ path }) => path).sort();
    };
    expect(await counts()).toEqual(['app', 'bad', 'tagged']);
    ms += 4999;
    expect(await counts()).toEqual([]);
    ms += 2;
    expect(await counts()).toEqual(['bad']);
    ms += 5000;
    expect(await counts()).toEqual(['bad', 'tagged']);
    ms += 50_000;
    expect(await counts()).toEqual(['app', 'bad', 'tagged']);
  });

  it('A-C-17: do not last longer when the wall clock goes back', async () => {
    let wall = 1_800_000_000_000;
    let passed = 1;
    const provider = await start({ clock: { now: () => wall, monotonic: () => passed } });
    await provider.ask([`app@${DIGEST}`]);
    wall -= 86_400_000;
    passed += 60_001;
    await provider.ask([`app@${DIGEST}`]);
    expect(provider.world.resolved).toHaveLength(2);
  });

  it('are taken from one snapshot per request', async () => {
    const provider = await start();
    let taken = 0;
    const engine = provider.world.engine();
    provider.use({
      for: () => {
        taken += 1;
        provider.use(snapshotOf(provider.world.engine('later')));
        return engine;
      },
    });
    const { response } = await provider.ask(['reg.test/a:1', 'reg.test/b:1', '[x]reg.test/c:1']);
    expect(taken).toBe(3);
    expect(new Set(response.items?.map((item) => item.value.revision))).toEqual(new Set(['revision-1']));
  });
});

describe('the deadline', () => {
  it('13: leaves out the one that is slow and answers the other 99', async () => {
    const provider = await start({ settings: deadlines(300) });
    provider.world.behaviours.set('slow', forever);
    const keys = Array.from({ length: 100 }, (_, index) => (index === 40 ? 'slow.test/slow:1' : `reg.test/app${index}:1`));
    const { status, response } = await provider.ask(keys);
    expect(status).toBe(200);
    expect(response.items?.map((item) => item.key)).toEqual(keys.filter((_, index) => index !== 40));
    expect(response.systemError).toBe(
      '1 of 100 images not evaluated: slow.test/slow:1 (unavailable DEADLINE_EXCEEDED): no verdict within 300 ms; the work goes on, ask again',
    );
  });

  it('37: leaves the work running, and its late verdict answers the next request', async () => {
    const provider = await start({ settings: deadlines(100) });
    const late = held();
    provider.world.behaviours.set('app', late.behaviour);
    expect((await provider.ask(['reg.test/app:1'])).response.systemError).toContain('DEADLINE_EXCEEDED');
    late.answer.resolve(descriptorOf('app'));
    await late.answer.promise;
    const { response } = await provider.ask(['reg.test/app:1']);
    expect(response.items?.[0]?.value.isSuccess).toBe(true);
    expect(provider.world.resolved).toHaveLength(1);
  });

  it('41: shares one conversation between two requests at a time', async () => {
    const provider = await start();
    const one = held();
    provider.world.behaviours.set('app', one.behaviour);
    const both = [provider.ask(['reg.test/app:1']), provider.ask(['reg.test/app:1'])];
    await one.begun;
    one.answer.resolve(descriptorOf('app'));
    for (const { response } of await Promise.all(both)) expect(response.items?.[0]?.value.isSuccess).toBe(true);
    expect(provider.world.resolved).toHaveLength(1);
  });

  it('A-C-09: a caller that goes away takes nothing from one that waits for the same', async () => {
    const provider = await start();
    const one = held();
    provider.world.behaviours.set('app', one.behaviour);
    const leaver = await provider.socket();
    const body = '{"apiVersion":"externaldata.gatekeeper.sh/v1beta1","kind":"ProviderRequest","request":{"keys":["reg.test/app:1"]}}';
    leaver.write(`POST ${VERIFY} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    await one.begun;
    leaver.destroy();
    const stayer = provider.ask(['reg.test/app:1']);
    one.answer.resolve(descriptorOf('app'));
    expect((await stayer).response.items?.[0]?.value.isSuccess).toBe(true);
    expect(provider.world.resolved).toHaveLength(1);
  });

  it('11: keeps the order of 10,000 keys, and takes no more', async () => {
    const provider = await start();
    const keys = Array.from({ length: 10_000 }, (_, index) => `[n${index}]reg.test/app:1`);
    const { response } = await provider.ask(keys, VERIFY);
    const again = await provider.ask(keys);
    expect(again.response.items?.map((item) => item.key)).toEqual(keys);
    expect(response.items?.length).toBeGreaterThan(0);
    const over = await provider.ask([...keys, 'one-more']);
    expect(over).toMatchObject({ status: 400, response: { systemError: 'BAD_REQUEST: expected at most 10000 keys, found 10001' } });
    expect(over.response.items).toBeUndefined();
  });
});

describe('the log', () => {
  it('A-L-01: has one line of JSON for a request and one for an evaluation, whatever stands in a key', async () => {
    const provider = await start();
    provider.log.length = 0;
    await provider.ask(['reg.test/app:1', 'x\n{"msg":"ready"}\x1b[31m']);
    const lines = provider.log.map((line) => JSON.parse(line));
    expect(provider.log.every((line) => /^[^\n\x1b]*\n$/.test(line))).toBe(true);
    expect(lines.filter((line) => line.msg === 'verdict')).toEqual([
      expect.objectContaining({
        level: 'info',
        subject: 'reg.test/app:1',
        verdict: 'accepted',
        code: 'VERIFIED',
        revision: 'revision-1',
        ms: expect.any(Number),
      }),
    ]);
    expect(lines.filter((line) => line.msg === 'verify')).toEqual([expect.objectContaining({ keys: 2, accepted: 1, invalid: 1 })]);
  });
});
