import { describe, expect, it } from '@jest/globals';
import { entry } from '../revocation-answers.ts';
import {
  ask,
  asks,
  type Body,
  byBoth,
  byCrl,
  byOcsp,
  C1,
  gone,
  later,
  listed,
  network,
  O1,
  REVOKED,
  root,
  said,
  settled,
  stranger,
  twin,
  UNKNOWN,
} from './revocation-world.ts';

describe('an answer of a responder', () => {
  it('asks once for many images, until the answer ends', async () => {
    const { port, asked } = network({ [O1]: said() });
    for (let i = 0; i < 5; i++) expect((await ask(byOcsp, port)).error).toBeUndefined();
    expect(asked).toEqual([O1]);
    expect((await ask(byOcsp, port)).validUntil).toEqual(later(24));
  });

  it('417 believes no kept answer past its end', async () => {
    const { port } = network({ [O1]: said() });
    expect((await ask(byOcsp, port)).error).toBeUndefined();
    expect((await ask(byOcsp, port, { now: later(25) })).error?.code).toBe(UNKNOWN);
  });

  it('396 keeps no answer that it does not believe, none that does not read and none that does not know, and asks again', async () => {
    for (const body of [said({ signer: stranger }), said({ status: 'unknown' }), Buffer.from('corrupt'), undefined]) {
      const answers: Record<string, Body> = { [O1]: body };
      const { port, asked } = network(answers);
      for (let i = 0; i < 3; i++) expect((await ask(byOcsp, port)).error?.code).toBe(UNKNOWN);
      expect(asked).toEqual([O1, O1, O1]);
      answers[O1] = said();
      expect((await ask(byOcsp, port)).error).toBeUndefined();
      for (let i = 0; i < 3; i++) expect((await ask(byOcsp, port)).error).toBeUndefined();
      expect(asked).toEqual([O1, O1, O1, O1]);
    }
  });

  it('asks once where many images are asked about at the same time', async () => {
    const { port, asked } = network({ [O1]: said() });
    const statuses = await Promise.all(Array.from({ length: 50 }, () => ask(byOcsp, port)));
    expect(statuses.map(({ error }) => error)).toEqual(Array(50).fill(undefined));
    expect(asked).toEqual([O1]);
  });

  it('asks again ahead of need behind the back of who asks, and believes what it hears then', async () => {
    const answers: Record<string, Body> = { [O1]: said() };
    const { port, asked, pass, now } = network(answers);
    await ask(byOcsp, port);
    answers[O1] = said({ ...gone, thisUpdate: later(18), nextUpdate: later(48) });
    // 23 hours were left, of which three quarters are over.
    pass(17.25 * 3_600_000 - 1);
    await ask(byOcsp, port, { now: now() });
    await settled();
    expect(asked).toEqual([O1]);
    pass(1);
    expect((await ask(byOcsp, port, { now: now() })).error).toBeUndefined();
    await settled();
    expect((await ask(byOcsp, port, { now: now() })).error?.code).toBe(REVOKED);
    expect(asked).toEqual([O1, O1]);
  });

  it.each<[string, Body]>([
    ['nobody answers', undefined],
    ['the answer is not believed', said({ signer: stranger })],
    ['the responder does not know any more', said({ status: 'unknown', nextUpdate: later(48) })],
  ])('keeps the old answer until its end where it asks ahead of need and %s', async (_case, body) => {
    const answers: Record<string, Body> = { [O1]: said() };
    const { port, asked, pass, now } = network(answers);
    await ask(byOcsp, port);
    answers[O1] = body;
    pass(22 * 3_600_000);
    for (let i = 0; i < 3; i++) {
      expect((await ask(byOcsp, port, { now: now() })).error).toBeUndefined();
      await settled();
    }
    expect(asked).toEqual([O1, O1]);
    pass(3_600_000);
    expect((await ask(byOcsp, port, { now: now() })).error?.code).toBe(UNKNOWN);
    expect(asked).toEqual([O1, O1, O1]);
  });

  it('is not taken for news that was given before the one that is kept', async () => {
    const answers: Record<string, Body> = { [O1]: said({ ...gone, thisUpdate: later(0.5) }) };
    const { port, asked, pass, now } = network(answers);
    await ask(byOcsp, port);
    answers[O1] = said({ nextUpdate: later(48) });
    pass(20 * 3_600_000);
    for (let i = 0; i < 2; i++) {
      expect((await ask(byOcsp, port, { now: now() })).error?.code).toBe(REVOKED);
      await settled();
    }
    expect(asked).toEqual([O1, O1]);
    answers[O1] = said({ thisUpdate: later(20), nextUpdate: later(48) });
    pass(30_000);
    await ask(byOcsp, port, { now: now() });
    await settled();
    expect((await ask(byOcsp, port, { now: now() })).error).toBeUndefined();
  });

  it('357 waits for no responder that is down where the list decides, and asks it again behind the back', async () => {
    const answers: Record<string, Body> = { [C1]: listed() };
    const { port, asked, pass, now } = network(answers);
    for (let i = 0; i < 3; i++) {
      expect((await ask(byBoth, port, { now: now() })).error).toBeUndefined();
      pass(60_000);
    }
    await settled();
    expect(asked).toEqual([O1, C1, O1, O1]);
    answers[O1] = said(gone, byBoth);
    expect((await ask(byBoth, port, { now: now() })).error).toBeUndefined();
    await settled();
    expect((await ask(byBoth, port, { now: now() })).error?.code).toBe(REVOKED);
  });

  it('waits for a responder that was down where nothing else decides, and not where it is only noted', async () => {
    const answers: Record<string, Body> = {};
    const { port, asked, pass, now } = network(answers);
    expect((await ask(byOcsp, port, { noted: true })).error?.code).toBe(UNKNOWN);
    expect((await ask(byOcsp, port, { noted: true })).error?.code).toBe(UNKNOWN);
    expect(asked).toEqual([O1]);
    answers[O1] = said();
    pass(5_000);
    expect((await ask(byOcsp, port, { now: now(), noted: true })).error?.code).toBe(UNKNOWN);
    const other: Record<string, Body> = {};
    const deciding = network(other);
    await ask(byOcsp, deciding.port, { noted: true });
    other[O1] = said();
    expect((await ask(byOcsp, deciding.port)).error).toBeUndefined();
  });
});

describe('revocation lists', () => {
  it('396 that do not read are not kept, and are fetched again', async () => {
    const answers: Record<string, Body> = { [C1]: Buffer.from('corrupt') };
    const { port, asked } = network(answers);
    for (let i = 0; i < 2; i++) expect((await ask(byCrl, port)).error?.code).toBe(UNKNOWN);
    answers[C1] = listed();
    for (let i = 0; i < 2; i++) expect((await ask(byCrl, port)).error).toBeUndefined();
    expect(asked).toEqual([C1, C1, C1]);
  });

  it('397 that are kept for one issuer are worth nothing for another, who is asked again', async () => {
    const { port, asked } = network({ [C1]: listed() });
    expect((await ask(byCrl, port)).error).toBeUndefined();
    expect((await ask(stranger.leaf(asks([], [C1])), port)).error?.code).toBe(UNKNOWN);
    expect(asked).toEqual([C1, C1]);
  });

  it('are fetched once for all certificates of an issuer, and kept apart by issuer', async () => {
    const { port, asked } = network({ [C1]: listed({ entries: [entry(byCrl.cert)] }) });
    const other = root.leaf(asks([], [C1]));
    expect((await ask(byCrl, port)).error?.code).toBe(REVOKED);
    expect((await ask(other, port)).error).toBeUndefined();
    expect(asked).toEqual([C1]);
    expect((await ask(twin.leaf(asks([], [C1])), port)).error?.code).toBe(UNKNOWN);
  });

  it('are not exchanged for older ones ahead of need', async () => {
    const answers: Record<string, Body> = { [C1]: listed({ entries: [entry(byCrl.cert)], thisUpdate: later(0.5), number: 2 }) };
    const { port, asked, pass, now } = network(answers);
    await ask(byCrl, port);
    answers[C1] = listed({ nextUpdate: later(48) });
    pass(20 * 3_600_000);
    await ask(byCrl, port, { now: now() });
    while (asked.length < 2) await settled();
    await settled();
    expect((await ask(byCrl, port, { now: now() })).error?.code).toBe(REVOKED);
  });
});
