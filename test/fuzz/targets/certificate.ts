import { X509Certificate } from 'node:crypto';
import { errorText } from '../../../src/lib/errors.ts';
import { isSignedBy, parseCertificate } from '../../../src/x509/certificate.ts';
import { X509Error } from '../../../src/x509/errors.ts';
import { nameText } from '../../../src/x509/name.ts';
import type { Certificate, KeyUsageBit } from '../../../src/x509/types.ts';
import * as der from '../../der-writer.ts';
import { EXTENSION_OIDS, sampleOf } from '../../oracle/mutators/deep-certificates.ts';
import type { Random } from '../../oracle/random.ts';
import { extensionOf, type Issued, type KeyKind, signatureAlgorithm } from '../../pki.ts';
import type { CreateTarget, Materials } from '../materials.ts';
import { type Corpus, mutant, mutateBytes } from '../mutate.ts';
import { derNodes, mutateDer } from '../mutate-der.ts';
import { partsOf, signedSequence } from '../signed.ts';
import type { Execution, Opinion, Target } from '../target.ts';
import { createWorld, type World } from '../world.ts';
import { goOracle } from './go-oracle.ts';
import { nonEmpty } from './seeds.ts';

/** `parseCertificate` and `isSignedBy`, against OpenSSL and Go. */
export const createCertificateTarget: CreateTarget = ({ vectors, watch, reference }) => {
  const world = createWorld();
  const authorities = [world.root, world.intermediate, world.issuer].map(({ cert }) => parseCertificate(cert));
  const own = KINDS.map((kind) => world.leaf(kind).cert);
  const files = vectors.filter(({ bytes }) => bytes[0] === 0x30).map(({ bytes }) => bytes);
  const read = (bytes: Uint8Array) => execute(bytes, authorities, watch);
  const seeds = nonEmpty([world.root.cert, world.intermediate.cert, world.issuer.cert, ...own, ...files.filter(parses)]);
  const corpus = { seeds };
  const target: Target<Read> = {
    name: 'certificate',
    about: 'X.509 certificates and the signature of the issuer on them',
    seeds,
    verifies: true,
    leniencies: [
      {
        id: 'key of an unknown algorithm',
        why: 'as in Go, parameters of an algorithm that is not known are not looked into; such a key can verify nothing',
        against: 'openssl',
        applies: ({ accepts }, _, read) => !accepts && read?.certificate.keyDescription.startsWith('algorithm ') === true,
      },
      {
        id: 'unique identifiers',
        why: 'as in Go, the two identifiers that nobody uses are passed over; OpenSSL reads them as bit strings',
        against: 'openssl',
        applies: ({ accepts }, bytes) =>
          !accepts && derNodes(bytes).some(({ tag, parent }) => (tag === 0x81 || tag === 0x82) && parent === 1),
      },
      {
        id: 'list addresses after another name',
        why: 'Go stops at the first name of a distribution point that is no URI; here every URI is asked, so that more can be found revoked',
        against: 'go',
        applies: ({ why = '' }) => /^line 6: we read "\[(.+)\]", it reads "\[.*\]"$/.test(why) && isLonger(why),
      },
    ],
    input: (random) => (random.oneIn(2) ? mutant(corpus, [mutateDer, mutateBytes], random) : signedMutant(corpus, world, random)),
    execute: read,
    oracles: [{ name: 'openssl', ask: openssl }, ...goOracle<Read>(reference, { kind: 'certificate', expected })],
  };
  return target;
};

const KINDS: readonly KeyKind[] = ['EC-256', 'EC-384', 'RSA-2048', 'Ed25519'];

interface Read {
  readonly certificate: Certificate;
  /** Of our own authorities, the one that it names, or itself. */
  readonly issuer: Certificate | undefined;
  readonly signed: boolean;
}

function parses(bytes: Uint8Array): boolean {
  try {
    parseCertificate(bytes);
    return true;
  } catch (error) {
    if (error instanceof X509Error) return false;
    throw error;
  }
}

async function execute(bytes: Uint8Array, authorities: readonly Certificate[], watch: Materials['watch']): Promise<Execution<Read>> {
  const before = watch.checks;
  try {
    const certificate = parseCertificate(bytes);
    const issuer = [...authorities, certificate].find(({ rawSubject }) => Buffer.from(rawSubject).equals(certificate.rawIssuer));
    const signed = issuer !== undefined && (await isSignedBy(certificate, issuer));
    return { outcome: 'accepted', reached: watch.checks > before, value: { certificate, issuer, signed } };
  } catch (error) {
    if (error instanceof X509Error) return { outcome: 'refused', reached: watch.checks > before };
    throw error;
  }
}

/** A changed TBSCertificate that one of our authorities has signed all the same. */
function signedMutant(corpus: Corpus, world: World, random: Random): Uint8Array {
  const authority = random.pick([world.intermediate, world.intermediate, world.issuer]);
  const [tbs = new Uint8Array()] = partsOf(random.pick(corpus.seeds));
  const named = withFields(tbs, authority);
  const changed = random.oneIn(3) ? withExtension(named, random) : mutant({ seeds: [named] }, [mutateDer], random);
  return signedSequence(changed, authority);
}

/** The TBSCertificate with the authority's algorithm and name. */
function withFields(tbs: Uint8Array, authority: Issued): Uint8Array {
  const fields = partsOf(tbs);
  const at = fields[0]?.[0] === 0xa0 ? 1 : 0;
  const [own = new Uint8Array()] = partsOf(authority.cert);
  const theirs = partsOf(own);
  const { identifier } = signatureAlgorithm('auto', authority.key);
  const subject = theirs[5] ?? new Uint8Array();
  return der.sequence(...fields.map((field, i) => (i === at + 1 ? identifier : i === at + 2 ? subject : field)));
}

/** The TBSCertificate with one extension more, or one in another's place. */
function withExtension(tbs: Uint8Array, random: Random): Uint8Array {
  const fields = [...partsOf(tbs)];
  const last = fields.at(-1) ?? new Uint8Array();
  const kept = last[0] === 0xa3 ? partsOf(partsOf(last)[0] ?? new Uint8Array()) : [];
  const oid = random.pick(EXTENSION_OIDS);
  const written = der.oid(oid);
  const others = random.oneIn(8) ? kept : kept.filter((extension) => !Buffer.from(extension).includes(Buffer.from(written)));
  const value = random.oneIn(3) ? mutant({ seeds: [sampleOf(oid, random)] }, [mutateDer], random) : sampleOf(oid, random);
  const list = der.context(3, der.sequence(...others, extensionOf(oid, value, random.oneIn(3))));
  return der.sequence(...(last[0] === 0xa3 ? fields.slice(0, -1) : fields), list);
}

function openssl(bytes: Uint8Array, { value }: Execution<Read>): Opinion {
  let read: X509Certificate;
  try {
    read = new X509Certificate(bytes);
  } catch (error) {
    return { accepts: false, why: errorText(error) };
  }
  if (value === undefined) return { accepts: true };
  const { certificate, issuer, signed } = value;
  const difference =
    differenceOf('bytes', Buffer.from(certificate.raw).toString('hex'), read.raw.toString('hex')) ??
    differenceOf('serial number', BigInt(`0x${certificate.serialNumber}`).toString(16), BigInt(`0x${read.serialNumber}`).toString(16)) ??
    differenceOf('notBefore', certificate.notBefore.getTime(), read.validFromDate.getTime()) ??
    differenceOf('notAfter', certificate.notAfter.getTime(), read.validToDate.getTime()) ??
    differenceOf('purposes', certificate.extendedKeyUsage?.oids.join() ?? '', (read.keyUsage ?? []).join()) ??
    (signed && issuer !== undefined ? differenceOf('signature', true, read.verify(issuer.publicKey)) : undefined);
  return difference === undefined ? { accepts: true } : { accepts: true, differs: true, why: difference };
}

function differenceOf(what: string, ours: string | number | boolean, theirs: string | number | boolean): string | undefined {
  return ours === theirs ? undefined : `${what}: we read ${ours}, OpenSSL ${theirs}`.slice(0, 300);
}

const KEY_USAGE: readonly KeyUsageBit[] = [
  'digitalSignature',
  'contentCommitment',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
  'encipherOnly',
  'decipherOnly',
];

/** The lines that the reference's reader gives. */
function expected({ certificate }: Read): readonly string[] {
  const { subject, issuer, notBefore, notAfter, version, basicConstraints, keyUsage, ocspUrls, crlUrls } = certificate;
  const bits = KEY_USAGE.reduce((sum, bit, i) => sum + (keyUsage?.bits.has(bit) === true ? 2 ** i : 0), 0);
  const time = (date: Date): string => date.toISOString().replace('.000Z', 'Z');
  return [
    nameText(subject),
    nameText(issuer),
    time(notBefore),
    time(notAfter),
    `${version} ${basicConstraints?.ca === true} ${bits}`,
    `[${ocspUrls.join(' ')}]`,
    `[${crlUrls.join(' ')}]`,
  ];
}

/** Whether the first of the two lists in a difference is the longer one. */
function isLonger(why: string): boolean {
  const [ours = '', theirs = ''] = why.split(', it reads ');
  return ours.length - 'line 6: we read '.length > theirs.length;
}
