import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { fetchOnce, KeySources, type KeySourcesOptions } from '../../src/config/key-sources.ts';
import { ConfigProblem } from '../../src/engine/errors.ts';
import type { KeyMaterial, KeyProvider } from '../../src/engine/types.ts';

type Answer = string | Error | 'never';

const material = (word: string): KeyMaterial => ({ certificates: [Buffer.from(word)] });
const words = (found: KeyMaterial | undefined) => found?.certificates.map((one) => Buffer.from(one).toString()).join();
const gone = new ConfigProblem('KEY_PROVIDER_MISSING', 'spec', 'gone');
const broken = new ConfigProblem('CONFIG_INVALID', 'spec', 'garbage');
const down = new Error('vault is down');

/** A provider that answers in turn; the last answer stays. */
function provider(...answers: Answer[]): KeyProvider & { answers: Answer[]; fetches: number } {
  const made = {
    name: 'p',
    type: 'scripted',
    answers,
    fetches: 0,
    fetch: async (): Promise<KeyMaterial> => {
      made.fetches += 1;
      const answer = made.answers.length > 1 ? made.answers.shift() : made.answers[0];
      if (answer instanceof Error) throw answer;
      if (answer === 'never' || answer === undefined) return new Promise(() => undefined);
      return material(answer);
    },
  };
  return made;
}

describe('the sources of key material', () => {
  let changes = 0;
  let sources: KeySources;
  const open = (options: Partial<KeySourcesOptions> = {}) => {
    sources = new KeySources({
      onChange: () => {
        changes += 1;
      },
      random: () => 0.5,
      clock: { now: () => Date.now(), monotonic: () => Date.now() },
      ...options,
    });
    return sources;
  };
  const advance = (ms: number) => jest.advanceTimersByTimeAsync(ms);

  beforeEach(() => {
    jest.useFakeTimers();
    changes = 0;
  });
  afterEach(() => {
    sources.close();
    jest.useRealTimers();
  });

  it('fetch once where nothing says how often', async () => {
    const one = provider('a');
    expect(words(await open().material('id', one, undefined))).toBe('a');
    await advance(86_400_000);
    expect(words(await sources.material('id', one, undefined))).toBe('a');
    expect([one.fetches, changes]).toEqual([1, 0]);
  });

  it('fetch again after the interval, and tell only what is new', async () => {
    const one = provider('a', 'a', 'b');
    await open().material('id', one, 60_000);
    await advance(60_000);
    expect([one.fetches, changes]).toEqual([2, 0]);
    await advance(60_000);
    expect([one.fetches, changes]).toEqual([3, 1]);
    expect(words(await sources.material('id', one, 60_000))).toBe('b');
  });

  it('do not fetch more often than each second', async () => {
    const one = provider('a');
    await open().material('id', one, 1);
    await advance(10_000);
    expect(one.fetches).toBe(11);
  });

  it('keep what was fetched last while it cannot be fetched, with the failure beside it', async () => {
    const one = provider('a', down);
    await open().material('id', one, 60_000);
    await advance(61_000);
    expect(words(await sources.material('id', one, 60_000))).toBe('a');
    expect(sources.state('id')?.problem).toMatchObject({ code: 'KEY_PROVIDER_UNAVAILABLE', message: 'cannot be fetched: vault is down' });
    expect(changes).toBe(0);
  });

  it('try again soon after a failure, ever later, and go on as before when it is over', async () => {
    const one = provider('a', down, down, down, 'a');
    await open().material('id', one, 60_000);
    await advance(60_000 + 1000 + 2000 + 4000);
    expect(one.fetches).toBe(5);
    expect(sources.state('id')?.problem).toBeUndefined();
    await advance(59_000);
    expect(one.fetches).toBe(5);
    await advance(2_000);
    expect(one.fetches).toBe(6);
  });

  it('let go of what could not be fetched for a day', async () => {
    const one = provider('a', down);
    await open().material('id', one, 60_000);
    await advance(86_400_000 - 120_000);
    expect([words(await sources.material('id', one, 60_000)), changes]).toEqual(['a', 0]);
    await advance(240_000);
    expect(changes).toBe(1);
    await expect(sources.material('id', one, 60_000)).rejects.toMatchObject({ code: 'KEY_PROVIDER_UNAVAILABLE' });
  });

  it('let go at once of what is gone for certain', async () => {
    const one = provider('a', gone);
    await open().material('id', one, 60_000);
    await advance(61_000);
    expect(changes).toBe(1);
    await expect(sources.material('id', one, 60_000)).rejects.toMatchObject({ code: 'KEY_PROVIDER_MISSING', message: 'gone' });
  });

  it('keep what was good when something that cannot be used takes its place', async () => {
    const one = provider('a', broken);
    await open().material('id', one, 60_000);
    await advance(61_000);
    expect([words(await sources.material('id', one, 60_000)), changes]).toEqual(['a', 0]);
    expect(sources.state('id')?.problem?.code).toBe('CONFIG_INVALID');
  });

  it('take what comes after it was gone', async () => {
    const one = provider('a', gone, 'b');
    await open().material('id', one, 60_000);
    await advance(60_500);
    await expect(sources.material('id', one, 60_000)).rejects.toThrow('gone');
    await advance(2_000);
    expect([words(await sources.material('id', one, 60_000)), changes]).toEqual(['b', 2]);
  });

  it('hold up the first build for five seconds at most, a later one for less, and tell what comes later', async () => {
    let answer: (word: KeyMaterial) => void = () => undefined;
    const slow: KeyProvider = { name: 's', type: 't', fetch: () => new Promise((resolve) => (answer = resolve)) };
    const first = open().material('id', slow, undefined);
    const failure = expect(first).rejects.toMatchObject({ code: 'KEY_PROVIDER_UNAVAILABLE', message: 'not fetched yet' });
    await advance(5000);
    await failure;
    answer(material('late'));
    await advance(0);
    expect([words(await sources.material('id', slow, undefined)), changes]).toEqual(['late', 1]);
    sources.retain(new Set(['id']));
    const second = expect(sources.material('other', provider('never'), undefined)).rejects.toThrow('not fetched yet');
    await advance(300);
    await second;
  });

  it('give up an attempt after ten seconds', async () => {
    const one = provider('never', 'a');
    open()
      .material('id', one, undefined)
      .catch(() => undefined);
    await advance(10_000 + 1_000);
    expect([one.fetches, words(await sources.material('id', one, undefined))]).toEqual([2, 'a']);
  });

  it('forget those that no build asks for, and fetch them no more', async () => {
    const one = provider('a');
    await open().material('id', one, 1000);
    sources.retain(new Set(['other']));
    await advance(10_000);
    expect([one.fetches, sources.state('id')]).toEqual([1, undefined]);
  });

  it('tell each attempt that ended', async () => {
    const told: (string | undefined)[] = [];
    const one = provider('a', down);
    await open({ onFetched: (id, { problem }) => told.push(`${id} ${problem?.code ?? 'good'}`) }).material('id', one, 60_000);
    await advance(60_500);
    expect(told).toEqual(['id good', 'id KEY_PROVIDER_UNAVAILABLE']);
  });

  it('fetch nothing after close', async () => {
    const one = provider('a');
    await open().material('id', one, 1000);
    sources.close();
    await advance(10_000);
    expect(one.fetches).toBe(1);
  });

  it('of a command that runs once are asked once, and their failures are told as they are', async () => {
    open();
    const keys = fetchOnce(new AbortController().signal);
    expect(words(await keys.material('id', provider('a'), undefined))).toBe('a');
    await expect(keys.material('id', provider(down), undefined)).rejects.toMatchObject({ code: 'KEY_PROVIDER_UNAVAILABLE' });
    await expect(keys.material('id', provider(gone), undefined)).rejects.toBe(gone);
  });
});
