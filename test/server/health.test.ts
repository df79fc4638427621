import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { snapshotOf } from './fake-engine.ts';
import { startTestProvider, type TestProvider } from './running-provider.ts';

let provider: TestProvider;
beforeAll(async () => {
  provider = await startTestProvider();
});
afterAll(() => provider.close());

describe('the admin port', () => {
  it.each([
    ['/healthz', 'GET', 200, 'ok'],
    ['/healthz', 'HEAD', 200, ''],
    ['/readyz', 'GET', 200, 'ok'],
    ['/readyz?verbose', 'GET', 200, 'ok'],
    ['/', 'GET', 404, 'expected /healthz'],
    ['/debug/pprof', 'GET', 404, 'expected /healthz'],
    ['/json/list', 'GET', 404, 'expected /healthz'],
    ['/ratify/gatekeeper/v1/verify', 'POST', 405, 'expected GET'],
    ['/metrics', 'POST', 405, 'expected GET'],
  ])('39, A-C-20: answers %s %s with %i and no verdict', async (path, method, status, text) => {
    const answer = await provider.readAdmin(path, method);
    expect(answer.status).toBe(status);
    expect(answer.text).toContain(text);
  });

  it('says why it is not ready', async () => {
    provider.use(snapshotOf(provider.world.engine()), false);
    expect(await provider.readAdmin('/readyz')).toEqual({
      status: 503,
      text: 'nothing usable is declared: every image is misconfigured\n',
    });
    provider.use(snapshotOf(provider.world.engine()));
    expect((await provider.readAdmin('/readyz')).status).toBe(200);
  });

  it('counts keys by outcome and code, look-ups, and shows the configuration and the certificate', async () => {
    await provider.ask(['reg.test/app:1', 'reg.test/bad:1', '']);
    await provider.ask(['reg.test/app:1']);
    const { text } = await provider.readAdmin('/metrics');
    expect(text).toContain('countersign_keys_total{action="verify",outcome="accepted",code="VERIFIED"} 2');
    expect(text).toContain('countersign_keys_total{action="verify",outcome="refused",code="SIGNATURE_INVALID"} 1');
    expect(text).toContain('countersign_keys_total{action="verify",outcome="invalid",code="INVALID_REFERENCE"} 1');
    expect(text).toContain('countersign_verdict_cache_total{result="miss"} 2');
    expect(text).toContain('countersign_verdict_cache_total{result="hit"} 1');
    expect(text).toContain('countersign_answers_total{action="verify",shape="v1",status="200"} 2');
    expect(text).toContain('countersign_requests_in_flight 0');
    expect(text).toContain('countersign_configuration_usable 1');
    expect(text).toMatch(/countersign_serving_certificate_expiry_timestamp_seconds \d{10}/);
    expect(text).toMatch(/countersign_answer_duration_seconds_count\{action="verify"\} 2/);
  });

  it('A-L-03: has no series more for whatever a caller sends', async () => {
    const series = async () =>
      (await provider.readAdmin('/metrics')).text.split('\n').filter((line) => line.startsWith('countersign_')).length;
    const hostile = async (word: string) => {
      await provider.ask([`reg.test/${word}:1`, `[${word}]app`, `${word}"} 1\n`]);
      await provider.send({ method: 'POST', path: `/${word}` }, 'x');
      await provider.send({ method: 'GET', path: '/ratify/gatekeeper/v1/verify', headers: { [`x-${word}`]: word } });
    };
    await hostile('first');
    const before = await series();
    for (let index = 0; index < 50; index += 1) await hostile(`w${index}`);
    expect(await series()).toBe(before);
    expect((await provider.readAdmin('/metrics')).text).not.toMatch(/w1|first|reg\.test/);
  });
});
