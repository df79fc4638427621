import { X509Certificate } from 'node:crypto';
import * as pkijs from 'pkijs';
import { errorText } from '../../../src/lib/errors.ts';
import { ocspStatus } from '../../../src/notation/ocsp-status.ts';
import type { CertificateStatus } from '../../../src/notation/revocation-answer.ts';
import * as der from '../../der-writer.ts';
import type { Random } from '../../oracle/random.ts';
import { extendedKeyUsage, extensionOf, type Issued, OID } from '../../pki.ts';
import { generalizedTime, INVALIDITY_DATE, type OcspOptions, ocspBody, ocspResponse, serialOf, single } from '../../revocation-answers.ts';
import { answeringWorld, createQuestions, executionOf, saysOfStatus } from '../answers.ts';
import type { CreateTarget } from '../materials.ts';
import { mutant, mutateBytes } from '../mutate.ts';
import { derNodes, mutateDer } from '../mutate-der.ts';
import { opensslVerifies, partsOf, signedSequence } from '../signed.ts';
import type { Execution, Opinion, Target } from '../target.ts';
import { ecKey, type World } from '../world.ts';
import { isReadByAsn1js } from './asn1js.ts';
import { goOracle } from './go-oracle.ts';
import { nonEmpty } from './seeds.ts';

/** OCSP responses through `ocspStatus`, against pkijs with OpenSSL and against x/crypto/ocsp. */
export const createOcspTarget: CreateTarget = ({ watch, reference }) => {
  const world = answeringWorld();
  const delegate = world.issuer.leaf({
    privateKey: ecKey('delegate', 'EC-256'),
    serial: Uint8Array.of(0x40, 0x7f),
    extensions: { [OID.extendedKeyUsage]: { value: extendedKeyUsage(OCSP_SIGNING) } },
  });
  const seeds = nonEmpty(responses(world, delegate));
  const corpus = { seeds };
  const questionOf = createQuestions(world);
  const execute = async (bytes: Uint8Array): Promise<Execution<CertificateStatus>> => {
    const before = watch.checks;
    const status = await ocspStatus(questionOf(bytes));
    const checks = watch.checks - before;
    // The first check is of the responder's certificate, where there is one.
    return executionOf(status, checks > 1 || (checks === 1 && !bringsCertificates(bytes)));
  };
  const target: Target<CertificateStatus> = {
    name: 'ocsp',
    about: 'OCSP responses about one certificate',
    seeds,
    verifies: true,
    leniencies: [
      {
        id: 'reasons of revocations',
        why: 'a reason that is no number leaves a certificate revoked, where the reference reads nothing in the response',
        against: 'go',
        applies: ({ accepts }, bytes, status) => !accepts && status?.status === 'revoked' && hasOddReason(bytes),
      },
      {
        id: 'contents of values',
        why: 'as in Go, parameters of hashes are not looked into; asn1js looks into all values',
        against: 'pkijs',
        applies: ({ accepts }, bytes) => !accepts && !isReadByAsn1js(basicOf(bytes)),
      },
    ],
    input: (random) =>
      random.oneIn(4) ? mutant(corpus, [mutateDer, mutateBytes], random) : signedMutant(random.pick(seeds), world, delegate, random),
    execute,
    oracles: [
      { name: 'pkijs', ask: (bytes, execution) => second(bytes, execution, world) },
      ...goOracle<CertificateStatus>(reference, {
        kind: 'ocsp',
        about: { issuer: world.issuer.cert, subject: world.subject.cert },
        expected: saysOfStatus,
      }),
    ],
  };
  return target;
};

const OCSP_SIGNING = '1.3.6.1.5.5.7.3.9';

function responses({ issuer, subject, root }: World, delegate: Issued): readonly Uint8Array[] {
  const about = { certificate: subject.cert, issuer } satisfies OcspOptions;
  const other = single({ ...about, serial: Uint8Array.of(1), status: 'revoked' });
  const invalidity = extensionOf(INVALIDITY_DATE, generalizedTime(new Date('2025-05-01T00:00:00Z')));
  return [
    ocspResponse(about),
    ocspResponse({ ...about, status: 'revoked' }),
    ocspResponse({ ...about, hash: 'sha256', responder: { by: 'name', of: issuer } }),
    ocspResponse({ ...about, signer: delegate, certificates: [delegate.cert] }),
    ocspResponse({ ...about, signer: delegate, certificates: [delegate.cert, root.cert] }),
    ocspResponse({ ...about, before: [other] }),
    ocspResponse({ ...about, extensions: [invalidity] }),
  ];
}

/** BasicOCSPResponse of an OCSPResponse. */
function basicOf(bytes: Uint8Array): Uint8Array {
  const [, body = EMPTY] = partsOf(bytes);
  const [typed = EMPTY] = partsOf(body);
  const [, octets = EMPTY] = partsOf(typed);
  return partsOf(octets)[0] ?? EMPTY;
}

/** Data, algorithm, signature and, where they came along, certificates. */
function basicParts(bytes: Uint8Array): readonly Uint8Array[] {
  return partsOf(basicOf(bytes));
}

/** Whether there is an ENUMERATED that is no number of 32 bits in its shortest form. */
function hasOddReason(bytes: Uint8Array): boolean {
  const basic = basicOf(bytes);
  return derNodes(basic).some(({ tag, content, end }) => {
    const [first = 0, next = 0] = basic.subarray(content, end);
    const padded = end - content > 1 && ((first === 0 && next < 0x80) || (first === 0xff && next >= 0x80));
    return tag === 0x0a && (end === content || end - content > 4 || padded);
  });
}

const EMPTY = new Uint8Array();

function bringsCertificates(bytes: Uint8Array): boolean {
  return basicParts(bytes).length > 3;
}

/** A response whose data was changed first and signed then. */
function signedMutant(seed: Uint8Array, { issuer }: World, delegate: Issued, random: Random): Uint8Array {
  const [data = EMPTY, , , certificates] = basicParts(seed);
  const signer = random.oneIn(12)
    ? random.pick([issuer, delegate])
    : certificates !== undefined && !Buffer.from(certificates).includes(Buffer.from(issuer.cert))
      ? delegate
      : issuer;
  const along = certificates === undefined || !random.oneIn(6) ? certificates : mutant({ seeds: [certificates] }, [mutateDer], random);
  const basic = signedSequence(mutant({ seeds: [data] }, [mutateDer], random), signer, ...(along === undefined ? [] : [along]));
  const response = ocspBody(0, der.context(0, der.sequence(der.oid('1.3.6.1.5.5.7.48.1.1'), der.octetString(basic))));
  return random.oneIn(12) ? mutant({ seeds: [response] }, [mutateDer], random) : response;
}

/** The response without the certificates after the first, which nobody looks at; what is signed stays as it is. */
function withFirstCertificate(basic: Uint8Array): Uint8Array {
  const [data = EMPTY, algorithm = EMPTY, signature = EMPTY, certificates, ...more] = partsOf(basic);
  const [first, ...others] = partsOf(partsOf(certificates ?? EMPTY)[0] ?? EMPTY);
  if (first === undefined || others.length === 0) return basic;
  return der.sequence(data, algorithm, signature, der.context(0, der.sequence(first)), ...more);
}

/** As pkijs reads it, with the signature left to OpenSSL; by its first certificate, which the issuer must have signed, or by the issuer. */
function second(bytes: Uint8Array, { value }: Execution<CertificateStatus>, { issuer, subject }: World): Opinion | undefined {
  if (value === undefined) return undefined;
  try {
    const { responseBytes } = pkijs.OCSPResponse.fromBER(bytes);
    if (responseBytes === undefined) return { accepts: false, why: 'no response' };
    const basic = pkijs.BasicOCSPResponse.fromBER(withFirstCertificate(responseBytes.response.valueBlock.valueHexView));
    const authority = new X509Certificate(issuer.cert);
    const [first] = basic.certs ?? [];
    const signer = first === undefined ? authority : new X509Certificate(Buffer.from(first.toSchema(true).toBER()));
    if (signer !== authority && !signer.verify(authority.publicKey)) return { accepts: false, why: 'a responder of somebody else' };
    const signature = basic.signature.valueBlock.valueHexView;
    const signed = opensslVerifies(basic.signatureAlgorithm.algorithmId, basic.tbsResponseData.tbsView, signer.publicKey, signature);
    if (!signed) return { accepts: false, why: 'not signed by the responder' };
    const serial = Buffer.from(serialOf(subject.cert));
    const about = basic.tbsResponseData.responses.filter(({ certID }) => serial.equals(certID.serialNumber.valueBlock.valueHexView));
    const revoked = about.some(({ certStatus }) => certStatus.idBlock.tagNumber === 1);
    if (about.length === 0) return { accepts: false, why: 'about another certificate' };
    return value.status === 'good' && revoked ? { accepts: true, differs: true, why: 'revoked' } : { accepts: true };
  } catch (error) {
    return { accepts: false, why: errorText(error) };
  }
}
