import { X509Certificate } from 'node:crypto';
import * as pkijs from 'pkijs';
import { errorText } from '../../../src/lib/errors.ts';
import { crlStatus } from '../../../src/notation/crl-status.ts';
import type { CertificateStatus } from '../../../src/notation/revocation-answer.ts';
import * as der from '../../der-writer.ts';
import type { Random } from '../../oracle/random.ts';
import { extensionOf } from '../../pki.ts';
import { entry, generalizedTime, INVALIDITY_DATE, revocationList, serialOf } from '../../revocation-answers.ts';
import { answeringWorld, createQuestions, executionOf } from '../answers.ts';
import type { CreateTarget } from '../materials.ts';
import { mutant, mutateBytes } from '../mutate.ts';
import { derNodes, mutateDer } from '../mutate-der.ts';
import { opensslVerifies, partsOf, signedSequence } from '../signed.ts';
import type { Execution, Opinion, Target } from '../target.ts';
import { LIST, type World } from '../world.ts';
import { isReadByAsn1js } from './asn1js.ts';
import { goOracle } from './go-oracle.ts';
import { nonEmpty } from './seeds.ts';

/** Revocation lists through `crlStatus`, against pkijs with OpenSSL and against Go's `ParseRevocationList`. */
export const createCrlTarget: CreateTarget = ({ vectors, watch, reference }) => {
  const world = answeringWorld();
  const { issuer } = world;
  const lists = listsOf(world);
  const delta = revocationList({ issuer, number: 7, baseNumber: 1 });
  const files = vectors.filter(({ path }) => path.endsWith('.crl')).map(({ bytes }) => bytes);
  const questionOf = createQuestions(world);
  const corpus = { seeds: nonEmpty([...lists, ...files]) };
  const target: Target<CertificateStatus> = {
    name: 'crl',
    about: 'revocation lists about one certificate',
    seeds: lists,
    verifies: true,
    leniencies: [
      {
        id: 'empty lists',
        why: 'as in Go, a list of extensions may be empty; pkijs holds the minimum of one that RFC 5280 sets',
        against: 'pkijs',
        applies: ({ accepts, why = '' }, bytes) =>
          !accepts && why.startsWith('Cannot create') && derNodes(bytes).some(({ tag, content, end }) => tag === 0x30 && content === end),
      },
      {
        id: 'contents of values',
        why: 'as in Go, parameters of algorithms are not looked into; asn1js looks into all values',
        against: 'pkijs',
        applies: ({ accepts }, bytes) => !accepts && !isReadByAsn1js(bytes),
      },
    ],
    input: (random) =>
      random.oneIn(4) ? mutant(corpus, [mutateDer, mutateBytes], random) : signedMutant(random.pick(corpus.seeds), world, random),
    execute: async (bytes) => {
      const before = watch.checks;
      const status = await crlStatus(questionOf(bytes, delta));
      return executionOf(status, watch.checks > before);
    },
    oracles: [
      { name: 'pkijs', ask: (bytes, execution) => second(bytes, execution, world) },
      ...goOracle<CertificateStatus>(reference, {
        kind: 'crl',
        about: { issuer: world.issuer.cert, subject: world.subject.cert },
      }),
    ],
  };
  return target;
};

function listsOf({ issuer, subject, root }: World): readonly Uint8Array[] {
  const invalidity = extensionOf(INVALIDITY_DATE, generalizedTime(new Date('2025-05-01T00:00:00Z')));
  const others = [root.cert, issuer.cert].map((certificate) => entry(certificate, { reason: 4 }));
  return [
    revocationList({ issuer }),
    revocationList({ issuer, entries: [...others, entry(subject.cert)] }),
    revocationList({
      issuer,
      entries: [entry(subject.cert, { reason: 6 }), entry(subject.cert, { reason: 8, date: new Date('2025-06-01T01:00:00Z') })],
    }),
    revocationList({ issuer, entries: [...others, entry(subject.cert, { reason: 1, extensions: [invalidity] })] }),
    revocationList({ issuer, freshest: [LIST], entries: others }),
    revocationList({ issuer, entries: others, extensions: [extensionOf('2.5.29.28', der.sequence(), true)] }),
  ];
}

const EMPTY = new Uint8Array();

/** A list whose data was changed first and signed then; those of others get the algorithm and the name of our issuer. */
function signedMutant(seed: Uint8Array, { issuer }: World, random: Random): Uint8Array {
  const [data = EMPTY] = partsOf(seed);
  const [own = EMPTY] = partsOf(revocationList({ issuer }));
  const [, algorithm = EMPTY, name = EMPTY] = partsOf(own);
  const fields = partsOf(data).map((field, i) => (i === 1 ? algorithm : i === 2 ? name : field));
  const changed = mutant({ seeds: [der.sequence(...fields)] }, [mutateDer], random);
  const list = signedSequence(changed, issuer);
  return random.oneIn(12) ? mutant({ seeds: [list] }, [mutateDer, mutateBytes], random) : list;
}

/** As pkijs reads it, with the signature left to OpenSSL. */
function second(bytes: Uint8Array, { value }: Execution<CertificateStatus>, { issuer, subject }: World): Opinion | undefined {
  if (value === undefined) return undefined;
  try {
    const list = pkijs.CertificateRevocationList.fromBER(bytes);
    const { publicKey } = new X509Certificate(issuer.cert);
    const signature = list.signatureValue.valueBlock.valueHexView;
    if (!opensslVerifies(list.signatureAlgorithm.algorithmId, list.tbsView, publicKey, signature))
      return { accepts: false, why: 'not signed by the issuer' };
    const serial = Buffer.from(serialOf(subject.cert));
    const entries = (list.revokedCertificates ?? []).filter(({ userCertificate }) =>
      serial.equals(userCertificate.valueBlock.valueHexView),
    );
    const revoked = entries.some(
      ({ crlEntryExtensions }) => !(crlEntryExtensions?.extensions ?? []).some(({ extnID }) => extnID === '2.5.29.21'),
    );
    return value.status === 'good' && revoked ? { accepts: true, differs: true, why: 'revoked without a reason' } : { accepts: true };
  } catch (error) {
    return { accepts: false, why: errorText(error) };
  }
}
