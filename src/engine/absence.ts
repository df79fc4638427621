import { shortDigest } from '../oci/digest.ts';
import { repositoryText } from '../oci/reference.ts';
import { cut, reason } from './reason.ts';
import type { Reason, Subject, Verifier } from './types.ts';

export interface Absence {
  readonly subject: Subject;
  readonly verifiers: readonly Verifier[];
  readonly artifactTypes: readonly string[];
  /** Referrers that the registry listed. */
  readonly listed: number;
}

/** Characters of a name in a message; the digest is never cut. */
const MAX_REPOSITORY = 60;
const MAX_TYPES = 60;
const COMMANDS: Readonly<Record<string, string>> = { notation: 'notation sign', cosign: 'cosign sign' };

/** Why nothing could be verified: which image, what was looked for, and the command that mends it. */
export function absenceReason({ subject, verifiers, artifactTypes, listed }: Absence): Reason {
  const image = `${cut(repositoryText(subject.repository), MAX_REPOSITORY)}@${shortDigest(subject.descriptor.digest)}`;
  const found = listed === 0 ? 'no signature' : `none of ${listed} referrers is of a type that a verifier takes`;
  const wanted = cut(artifactTypes.join(', ') || 'nothing', MAX_TYPES);
  return reason('NO_SIGNATURES', `${found}: ${image}; looked for ${wanted}; ${fix(verifiers)}`);
}

function fix(verifiers: readonly Verifier[]): string {
  const command = verifiers
    .map(({ type }) => (Object.hasOwn(COMMANDS, type) ? COMMANDS[type] : undefined))
    .find((text) => text !== undefined);
  return command === undefined ? 'attach one' : `sign it with ${command}`;
}
