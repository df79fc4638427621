import { createFactCache } from '../src/lib/cache.ts';
import { createRevocationNetwork } from '../src/lib/revocation-network.ts';
import { type Issued, pki } from '../test/pki.ts';
import { timestamping, timestampToken } from '../test/timestamp-token.ts';
import { makeCorpus } from './corpus.ts';
import { openEngine } from './engine.ts';
import { type Bench, trustConfig } from './provider.ts';
import { atMost, context, type Figure } from './report.ts';
import { type Responder, startResponder } from './responder.ts';
import { openSession } from './session.ts';

const MIB = 1024 * 1024;
const HOUR_MS = 3_600_000;

export interface RevocationOptions {
  readonly images: number;
  readonly signatureCheckMicroseconds: number;
}

/**
 * CPU of the whole provider for a cold verification whose signer can be revoked, with a timestamp and without: responders asked for each image,
 * and asked before. A timestamped signature may take nine checks more than one without.
 */
export async function revocationCpu(bench: Bench, options: RevocationOptions): Promise<Figure[]> {
  const asked = await measure(bench, options, { eachItsOwn: true, stamped: false });
  const kept = await measure(bench, options, { eachItsOwn: false, stamped: false });
  const stampedAsked = await measure(bench, options, { eachItsOwn: true, stamped: true });
  const stampedKept = await measure(bench, options, { eachItsOwn: false, stamped: true });
  const over = 'CPU over that of one RSA-PSS-2048 check';
  return [
    context('R1', `cold, a signer of its own, responder asked: ${over}`, asked.checks, 'x'),
    context('R1', 'the same: requests to the responder for each image', asked.requests / options.images, 'requests'),
    context('R1', `the same, timestamped: ${over}`, stampedAsked.checks, 'x'),
    atMost('R2', `cold, chain seen, responder has answered: ${over}`, kept.checks, 16, 'x'),
    atMost('R2', 'the same: requests to the responder', kept.requests, 0, 'requests'),
    atMost('R3', `cold, timestamped, chains seen, responders have answered: ${over}`, stampedKept.checks, 25, 'x'),
    atMost('R3', 'the same: requests to responders', stampedKept.requests, 0, 'requests'),
  ];
}

type SignerOf = (root: Issued) => Issued;

interface Kind {
  /** Whether each image has a signer that nothing is known of. */
  readonly eachItsOwn: boolean;
  readonly stamped: boolean;
}

async function measure(
  bench: Bench,
  { images, signatureCheckMicroseconds }: RevocationOptions,
  { eachItsOwn, stamped }: Kind,
): Promise<{ readonly checks: number; readonly requests: number }> {
  const responder = await startResponder();
  const authority = stamped ? timestampingAuthority(responder) : undefined;
  const warmUp = Math.ceil(images / 5);
  const corpus = makeCorpus({
    images: images + warmUp,
    signatures: 1,
    others: 0,
    signerOf: eachItsOwn ? (root) => newSigner(responder, root) : always((root) => newSigner(responder, root)),
    ...(authority === undefined ? {} : { stamp: authority.stamp }),
  });
  const trust = { rootPem: corpus.root.pem, ...(authority === undefined ? {} : { tsaPem: authority.root.pem }) };
  const config = bench.write('revocation.yaml', trustConfig(trust));
  const settings = bench.write('settings.yaml', JSON.stringify({ revocation: { allowedHosts: [responder.host] } }));
  const { askAll, cpuOfEach, keys, close } = await openSession(bench, { corpus, config, settings });
  await askAll(keys.slice(0, warmUp));
  responder.takeCount();
  const cpu = await cpuOfEach(warmUp);
  await close();
  const requests = responder.takeCount();
  responder.close();
  return { checks: cpu / signatureCheckMicroseconds, requests };
}

export function newSigner({ names = {}, tell }: Responder, root: Issued): Issued {
  const signer = root.leaf({ key: 'RSA-2048', extensions: names });
  tell(signer, root);
  return signer;
}

/** The same signer for all images. */
function always(make: SignerOf): SignerOf {
  let made: Issued | undefined;
  return (root) => {
    made ??= make(root);
    return made;
  };
}

/** An authority whose certificate names the responder too, and what it says of a signature. */
export function timestampingAuthority({ names = {}, tell }: Responder) {
  const root = pki.root({ key: 'RSA-2048', subject: [['CN', 'Bench TSA Root']] });
  const tsa = root.leaf(timestamping({ key: 'RSA-2048', extensions: names }));
  tell(tsa, root);
  const stamp = (signature: Uint8Array): Uint8Array => timestampToken({ tsa, message: signature, genTime: new Date(Date.UTC(2026, 0, 1)) });
  return { root, stamp };
}

/** Requests to responders while images of one signer are asked for evenly over an hour of a clock that the benchmark moves. */
export async function revocationRequests(bench: Bench, images: number): Promise<Figure[]> {
  const responder = await startResponder();
  const { names = {}, tell } = responder;
  const signerOf = always((root) => {
    const middle = root.intermediate({ key: 'RSA-3072', extensions: names });
    tell(middle, root);
    const signer = middle.leaf({ key: 'RSA-2048', extensions: names });
    tell(signer, middle);
    return signer;
  });
  const corpus = makeCorpus({ images, signatures: 1, others: 0, signerOf });
  const start = Date.now();
  let passed = 0;
  const clock = { now: () => start + passed, monotonic: () => passed };
  const revocation = createRevocationNetwork({ allowedHosts: [responder.host], clock });
  const { judge, keys, close } = await openEngine({
    corpus,
    config: bench.write('requests.yaml', trustConfig({ rootPem: corpus.root.pem })),
    facts: createFactCache({ maxBytes: 64 * MIB, clock }),
    revocation,
  });
  for (const key of keys) {
    await judge(key, { now: new Date(clock.now()) });
    passed += HOUR_MS / images;
  }
  await revocation.close();
  close();
  responder.close();
  return [
    atMost('V4', `${images} images of one signer (chain of 3) in an hour: requests to responders`, responder.takeCount(), 2, 'requests'),
  ];
}
