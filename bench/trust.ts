import { pki } from '../test/pki.ts';
import { makeCorpus } from './corpus.ts';
import { type Bench, trustObjects } from './provider.ts';
import { atMost, context, type Figure } from './report.ts';
import { openSession } from './session.ts';

const SIZES = [1, 10, 100, 1_000, 10_000];
/** A provider of keys takes a text of a mebibyte, a file may have four. */
const CERTIFICATES_A_PROVIDER = 1_000;

export interface TrustOptions {
  readonly images: number;
  readonly signatureCheckMicroseconds: number;
}

/** CPU of a cold verification by the size of the trust store. */
export async function trustStores(bench: Bench, { images, signatureCheckMicroseconds }: TrustOptions): Promise<Figure[]> {
  const others = Array.from({ length: Math.max(...SIZES) - 1 }, (_, index) => pki.root({ subject: [['CN', `Root ${index}`]] }).pem);
  const checks: number[] = [];
  for (const size of SIZES) checks.push((await cpuWith(bench, others.slice(0, size - 1), images)) / signatureCheckMicroseconds);
  const [smallest = 0] = checks;
  const largest = checks.at(-1) ?? 0;
  return [
    ...SIZES.map((size, index) =>
      context('T1', `trust store of ${size}: CPU of a cold verification over that of one RSA-PSS-2048 check`, checks[index] ?? 0, 'x'),
    ),
    atMost(
      'T1',
      'trust stores of 1 to 10,000: slope of the logarithms of CPU and size',
      slope(SIZES.map(Math.log), checks.map(Math.log)),
      0.05,
      '',
    ),
    context('T1', 'CPU of 10,000 more certificates over that of one RSA-PSS-2048 check', largest - smallest, 'x'),
  ];
}

async function cpuWith(bench: Bench, others: readonly string[], images: number): Promise<number> {
  const warmUp = Math.ceil(images / 2);
  const corpus = makeCorpus({ images: images + warmUp, signatures: 1, others: 0 });
  const texts: string[] = [];
  for (let at = 0; at < others.length; at += CERTIFICATES_A_PROVIDER) texts.push(others.slice(at, at + CERTIFICATES_A_PROVIDER).join(''));
  const folder = `trust-${others.length}`;
  const objects = trustObjects({ rootPem: corpus.root.pem, others: texts });
  const paths = objects.map((object, index) => bench.write(`${folder}/${index}.yaml`, object));
  const config = paths[0]?.replace(/\/[^/]*$/, '') ?? '';
  const { cpuOfEach, close } = await openSession(bench, { corpus, config });
  const each = await cpuOfEach(warmUp);
  await close();
  return each;
}

/** Of the line through the points that has the least squares. */
function slope(xs: readonly number[], ys: readonly number[]): number {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [middleX, middleY] = [mean(xs), mean(ys)];
  const across = xs.map((x, i) => (x - middleX) * ((ys[i] ?? 0) - middleY));
  return mean(across) / mean(xs.map((x) => (x - middleX) ** 2));
}
