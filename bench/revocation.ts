import { createFactCache } from '../src/lib/cache.ts';
import { createRevocationNetwork } from '../src/lib/revocation-network.ts';
import type { Issued } from '../test/pki.ts';
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

/** CPU of the whole provider for a cold verification whose signer can be revoked: asked for the first time, and answered before. */
export async function revocationCpu(bench: Bench, { images, signatureCheckMicroseconds }: RevocationOptions): Promise<Figure[]> {
  const each = await withSigners(bench, images, (responder) => (root) => newSigner(responder, root));
  const once = await withSigners(bench, images, (responder) => {
    let signer: Issued | undefined;
    return (root) => {
      signer ??= newSigner(responder, root);
      return signer;
    };
  });
  return [
    context(
      'R1',
      'cold, a signer of its own, responder asked: CPU over that of one RSA-PSS-2048 check',
      each.cpu / signatureCheckMicroseconds,
      'x',
    ),
    context('R1', 'the same: requests to the responder for each image', each.asked / images, 'requests'),
    atMost(
      'R2',
      'cold, chain seen, responder has answered: CPU over that of one RSA-PSS-2048 check',
      once.cpu / signatureCheckMicroseconds,
      16,
      'x',
    ),
    atMost('R2', 'the same: requests to the responder', once.asked, 0, 'requests'),
  ];
}

type SignerOf = (root: Issued) => Issued;

async function withSigners(
  bench: Bench,
  images: number,
  signers: (responder: Responder) => SignerOf,
): Promise<{ cpu: number; asked: number }> {
  const responder = await startResponder();
  const warmUp = Math.ceil(images / 5);
  const corpus = makeCorpus({ images: images + warmUp, signatures: 1, others: 0, signerOf: signers(responder) });
  const config = bench.write('revocation.yaml', trustConfig({ rootPem: corpus.root.pem }));
  const settings = bench.write('settings.yaml', JSON.stringify({ revocation: { allowedHosts: [responder.host] } }));
  const { askAll, cpuOfEach, keys, close } = await openSession(bench, { corpus, config, settings });
  await askAll(keys.slice(0, warmUp));
  responder.takeCount();
  const cpu = await cpuOfEach(warmUp);
  await close();
  const asked = responder.takeCount();
  responder.close();
  return { cpu, asked };
}

function newSigner({ names = {}, tell }: Responder, root: Issued): Issued {
  const signer = root.leaf({ key: 'RSA-2048', extensions: names });
  tell(signer, root);
  return signer;
}

/** Requests to responders while images of one signer are asked for evenly over an hour of a clock that the benchmark moves. */
export async function revocationRequests(bench: Bench, images: number): Promise<Figure[]> {
  const responder = await startResponder();
  let signer: Issued | undefined;
  const signerOf: SignerOf = (root) => {
    if (signer !== undefined) return signer;
    const middle = root.intermediate({ key: 'RSA-3072', extensions: responder.names ?? {} });
    responder.tell(middle, root);
    signer = middle.leaf({ key: 'RSA-2048', extensions: responder.names ?? {} });
    responder.tell(signer, middle);
    return signer;
  };
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
