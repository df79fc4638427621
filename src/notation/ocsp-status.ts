import type { Fact } from '../lib/facts.ts';
import { algorithmOf } from '../x509/algorithm.ts';
import { isSignedBy, parseCertificate } from '../x509/certificate.ts';
import { isSignatureBy } from '../x509/certificate-signature.ts';
import { type OcspResponse, readOcspResponse, type SingleResponse } from '../x509/ocsp.ts';
import { isIdOf, keyHashOf, ocspRequest } from '../x509/ocsp-request.ts';
import type { Certificate } from '../x509/types.ts';
import { expectedFailure } from './errors.ts';
import {
  BadAnswer,
  type CertificateStatus,
  checkFresh,
  patienceOf,
  type Question,
  refreshFrom,
  wasValidAtSigning,
  whyNot,
} from './revocation-answer.ts';

const OCSP_SIGNING = '1.3.6.1.5.5.7.3.9';
/** What keeping one answer takes. */
const ANSWER_BYTES = 1024;

/**
 * Asks the responders that the certificate names, in order; the first with an answer decides (RFC 6960). Beyond the reference, the answer
 * must be for this issuer and come from the issuer or its delegate (section 4.2.2.2). The delegate's own status is not asked, whether or not
 * it has id-pkix-ocsp-nocheck: there would be no end to it.
 */
export async function ocspStatus(question: Question): Promise<CertificateStatus> {
  let why = 'no responder is named';
  for (const url of question.certificate.ocspUrls) {
    try {
      return await statusAt(url, question);
    } catch (error) {
      question.signal.throwIfAborted();
      why = `${url.slice(0, 200)}: ${whyNot(error)}`;
      // That is an answer: another responder that says good does not outvote it.
      if (error instanceof UnknownCertificate) break;
    }
  }
  return { status: 'unknown', why };
}

/** What a responder says of a certificate that it does not know; thrown, since it may know it in a moment. */
class UnknownCertificate extends BadAnswer {}

async function statusAt(url: string, question: Question): Promise<CertificateStatus> {
  const { certificate, issuer, authenticSigningTime, now, port, signal } = question;
  const key = `${issuer.fingerprint} ${certificate.serialNumber} ${url}`;
  const patience = patienceOf(question, certificate.crlUrls.length > 0 || url !== certificate.ocspUrls.at(-1));
  const known = await port.answers.remember('ocsp', key, signal, (own) => fetchAnswer(url, { ...question, signal: own }), patience);
  const validUntil = checkFresh('OCSP response', known.thisUpdate, known.nextUpdate, now);
  if (known.status === 'good' || isLater(known, authenticSigningTime)) return { status: 'good', validUntil };
  return { status: 'revoked', validUntil };
}

/** What is kept of an answer: nothing that holds on to the octets in which it came. */
type Answer = Pick<SingleResponse, 'status' | 'thisUpdate' | 'nextUpdate' | 'extensions'>;

async function fetchAnswer(url: string, { certificate, issuer, now, port, signal }: Question): Promise<Fact<Answer>> {
  const response = readOcspResponse(await port.fetchOcsp(url, ocspRequest(certificate, issuer), signal));
  await checkSigner(response, issuer, now);
  const found = answerFor(response.responses, certificate, issuer);
  const { status, thisUpdate, nextUpdate } = found;
  const validUntil = checkFresh('OCSP response', thisUpdate, nextUpdate, now);
  if (status === 'unknown') throw new UnknownCertificate('the responder does not know the certificate');
  const extensions = found.extensions.map((extension) => ({ ...extension, value: Uint8Array.from(extension.value) }));
  const bytes = extensions.reduce((sum, { value }) => sum + value.length, ANSWER_BYTES);
  const value = { status, thisUpdate, nextUpdate, extensions };
  return { value, bytes, validUntil, refreshFrom: refreshFrom(validUntil, now), asOf: thisUpdate };
}

/** A date that does not read must not turn a revocation into an unknown, which a list could then outvote. */
function isLater({ extensions }: Answer, authenticSigningTime: Question['authenticSigningTime']): boolean {
  try {
    return wasValidAtSigning(extensions, authenticSigningTime);
  } catch (error) {
    expectedFailure(error);
    return false;
  }
}

/** Of several answers for the certificate, one that it is revoked counts. */
function answerFor(responses: readonly SingleResponse[], certificate: Certificate, issuer: Certificate): SingleResponse {
  const found = responses.filter(({ id }) => isIdOf(id, certificate, issuer));
  const answer = found.find(({ status }) => status === 'revoked') ?? found[0];
  if (answer === undefined) throw new BadAnswer('the OCSP response is not for this certificate');
  // A revocation counts whatever its reason is; nothing good is believed of a response that the reference cannot read.
  if (answer.status !== 'revoked' && responses.some(({ reasonReads }) => !reasonReads)) {
    throw new BadAnswer('the OCSP response has a revocation for a reason that is no number');
  }
  const critical = answer.extensions.find((extension) => extension.critical);
  if (critical !== undefined) throw new BadAnswer(`the OCSP response has the critical extension ${critical.oid}, which is not known`);
  return answer;
}

/** RSA PKCS #1 v1.5 and ECDSA: the reference knows neither RSA-PSS nor Ed25519 in OCSP, and its word is the limit of ours. */
const SIGNATURE_ALGORITHMS: ReadonlySet<string> = new Set([
  '1.2.840.113549.1.1.11',
  '1.2.840.113549.1.1.12',
  '1.2.840.113549.1.1.13',
  '1.2.840.10045.4.3.2',
  '1.2.840.10045.4.3.3',
  '1.2.840.10045.4.3.4',
]);

async function checkSigner(response: OcspResponse, issuer: Certificate, now: Date): Promise<void> {
  const { oid } = algorithmOf(response.signed.algorithm);
  if (!SIGNATURE_ALGORITHMS.has(oid)) throw new BadAnswer(`the OCSP response is signed by the algorithm ${oid}, which is not known`);
  const [first] = response.certificates;
  const signer = first === undefined ? issuer : await delegateOf(issuer, first, now);
  const { responderId } = response;
  const named =
    'name' in responderId ? Buffer.from(signer.rawSubject).equals(responderId.name) : keyHashOf(signer).equals(responderId.keyHash);
  if (!named) throw new BadAnswer('the OCSP response names another responder than the one that its certificate is for');
  if (!(await isSignatureBy(signer, response.signed)))
    throw new BadAnswer('the OCSP response is not signed by the responder that it names');
}

/** The responder whose certificate came first; the reference looks at no other either. */
async function delegateOf(issuer: Certificate, der: Uint8Array, now: Date): Promise<Certificate> {
  const delegate = parseCertificate(der);
  const isIssued = Buffer.from(delegate.rawIssuer).equals(issuer.rawSubject) && (await isSignedBy(delegate, issuer));
  if (!isIssued) throw new BadAnswer("the responder's certificate was not issued by the certificate's issuer");
  if (delegate.fingerprint === issuer.fingerprint) return issuer;
  const mayAnswer = delegate.extendedKeyUsage?.oids.includes(OCSP_SIGNING) === true;
  if (!mayAnswer) throw new BadAnswer("the responder's certificate is not for OCSP signing");
  if (!(now >= delegate.notBefore && now <= delegate.notAfter)) throw new BadAnswer("the responder's certificate is not valid now");
  return delegate;
}
