import type { RevocationPort } from '../../src/lib/revocation.ts';
import type { CertificateStatus, Question } from '../../src/notation/revocation-answer.ts';
import { parseCertificate } from '../../src/x509/certificate.ts';
import { OID } from '../pki.ts';
import { AT, distributionPoints, responders } from '../revocation-answers.ts';
import type { Execution } from './target.ts';
import { createWorld, LIST, RESPONDER, type World } from './world.ts';

/** A world whose subject names a responder and a list. */
export function answeringWorld(): World {
  return createWorld({
    [OID.authorityInfoAccess]: { value: responders(RESPONDER) },
    [OID.crlDistributionPoints]: { value: distributionPoints(LIST) },
  });
}

/** Questions for the status of the world's subject; what is given is what the network says, one after the other, the last one again and again. */
export function createQuestions({ subject, issuer }: World): (...answers: readonly Uint8Array[]) => Question {
  const parties = { certificate: parseCertificate(subject.cert), issuer: parseCertificate(issuer.cert) };
  const { signal } = new AbortController();
  return (...answers) => {
    let asked = 0;
    const answer = (): Promise<Uint8Array> => Promise.resolve(answers[Math.min(asked++, answers.length - 1)] ?? new Uint8Array());
    const port: RevocationPort = {
      fetchOcsp: answer,
      fetchCrl: answer,
      answers: { remember: async (_, __, own, load) => (await load(own)).value },
    };
    return { ...parties, authenticSigningTime: undefined, now: AT, noted: false, port, signal };
  };
}

/** A status that is known is an answer that was accepted, whatever it says. */
export function executionOf(status: CertificateStatus, reached: boolean): Execution<CertificateStatus> {
  return status.status === 'unknown' ? { outcome: 'refused', reached } : { outcome: 'accepted', reached, value: status };
}

/** The lines of a known status: what it is and, in seconds, until when. */
export function saysOfStatus(status: CertificateStatus): readonly string[] {
  return status.status === 'unknown' ? ['unknown'] : [status.status, String(Math.floor(status.validUntil.getTime() / 1000))];
}
