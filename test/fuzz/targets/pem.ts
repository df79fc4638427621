import { X509Certificate } from 'node:crypto';
import { errorText } from '../../../src/lib/errors.ts';
import { X509Error } from '../../../src/x509/errors.ts';
import { readPemCertificates, readPemFile } from '../../../src/x509/pem.ts';
import { toPem } from '../../pki.ts';
import type { CreateTarget } from '../materials.ts';
import { mutant, mutateBytes, mutateText } from '../mutate.ts';
import type { Execution, Opinion, Target } from '../target.ts';
import { createWorld } from '../world.ts';
import { goOracle } from './go-oracle.ts';
import { nonEmpty, textSeeds } from './seeds.ts';

/** `readPemCertificates` and `readPemFile`, against OpenSSL's reader, Go's, and itself on what it wrote. */
export const createPemTarget: CreateTarget = ({ vectors, reference }) => {
  const { root, intermediate } = createWorld();
  const files = vectors.filter(({ path }) => /\.(?:pem|crt|cer)$/.test(path)).map(({ bytes }) => bytes);
  const seeds = nonEmpty([
    ...textSeeds([
      intermediate.pem,
      intermediate.pem + root.pem,
      `subject=CN = Intermediate\n${intermediate.pem}\n\n${root.pem}`.replaceAll('\n', '\r\n'),
      intermediate.pem.replaceAll('\n', ' '),
    ]),
    ...files.filter((bytes) => execute(bytes).outcome === 'accepted'),
  ]);
  const corpus = { seeds, words: WORDS };
  const target: Target<Read> = {
    name: 'pem',
    about: 'PEM texts of certificates',
    seeds,
    verifies: false,
    leniencies: [
      {
        id: 'white space',
        why: 'certificates that were folded onto one line in YAML are still read; files of a trust store are not (readPemFile)',
        against: 'go',
        applies: (_, __, read) => read?.file === false,
      },
    ],
    input: (random) => mutant(corpus, [mutateText, mutateBytes], random),
    execute,
    oracles: [
      { name: 'openssl', ask: openssl },
      ...goOracle<Read>(reference, {
        kind: 'pem',
        text: (bytes) => Buffer.from(Buffer.from(bytes).toString()),
        expected: ({ certificates }) => certificates.map((der) => Buffer.from(der).toString('hex')),
      }),
    ],
  };
  return target;
};

interface Read {
  readonly certificates: readonly Uint8Array[];
  /** Whether a file of a trust store may hold it. */
  readonly file: boolean;
}

const WORDS = [
  ...['-----BEGIN CERTIFICATE-----', '-----END CERTIFICATE-----', '-----', '-----BEGIN ', '-----END ', '-----BEGIN PRIVATE KEY-----'],
  ...[
    '-----BEGIN TRUSTED CERTIFICATE-----',
    '-----BEGIN X509 CRL-----',
    '-----END X509 CRL-----',
    'CERTIFICATE',
    '-----BEGIN CERTIFICATE----- ',
  ],
  ...[
    'Proc-Type: 4,ENCRYPTED\n',
    'a: b\n',
    '\n\n',
    '\r',
    '=',
    '==',
    '===',
    'MII',
    '-',
    '_',
    '+',
    '/',
    '\u00a0',
    '\ufeff',
    '----BEGIN CERTIFICATE-----',
  ],
] as readonly string[] as readonly [string, ...string[]];

function execute(bytes: Uint8Array): Execution<Read> {
  const text = Buffer.from(bytes).toString();
  try {
    const certificates = readPemCertificates(text);
    return { outcome: 'accepted', reached: false, value: { certificates, file: isFile(text) } };
  } catch (error) {
    if (error instanceof X509Error) return { outcome: 'refused', reached: false };
    throw error;
  }
}

function isFile(text: string): boolean {
  try {
    readPemFile(text);
    return true;
  } catch (error) {
    if (error instanceof X509Error) return false;
    throw error;
  }
}

/** What it reads of the first certificate, and we again of what we write. OpenSSL reads text and certificate at once, so not all can be compared. */
function openssl(_: Uint8Array, { value }: Execution<Read>): Opinion | undefined {
  if (value === undefined) return undefined;
  const written = value.certificates.map(toPem).join('');
  const again = readPemFile(written);
  const same =
    again.length === value.certificates.length &&
    again.every((der, i) => Buffer.from(der).equals(value.certificates[i] ?? new Uint8Array()));
  if (!same) return { accepts: true, differs: true, why: 'not the same when written and read again' };
  const first = Buffer.from(value.certificates[0] ?? []);
  if (!isCertificate(first)) return { accepts: true };
  try {
    const read = new X509Certificate(written).raw;
    return read.equals(first) ? { accepts: true } : { accepts: true, differs: true, why: 'another certificate' };
  } catch (error) {
    return { accepts: false, why: errorText(error) };
  }
}

function isCertificate(der: Uint8Array): boolean {
  try {
    // It takes bytes after the certificate and unused bits that are set, and writes neither again.
    return new X509Certificate(der).raw.equals(der);
  } catch {
    return false;
  }
}
