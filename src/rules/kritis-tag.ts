import { reasonOf } from '../engine/outcomes.ts';
import { reason } from '../engine/reason.ts';
import type { EvidenceInput, Reason } from '../engine/types.ts';
import { untilAborted } from '../lib/until-aborted.ts';

/** How long the digest to suggest is waited for: the refusal is certain without it. */
const RESOLVE_MS = 1000;

/** Why a reference by tag is refused, with the digest that the tag means where that can be found out. */
export async function tagProblem(subject: string, { subject: resolve, ports }: EvidenceInput): Promise<Reason> {
  const limit = AbortSignal.timeout(RESOLVE_MS);
  try {
    const { descriptor } = await untilAborted(resolve(), AbortSignal.any([ports.signal, limit]));
    return reason('TAG_REFERENCE', `${subject}: tag reference; use @${descriptor.digest}`);
  } catch (error) {
    ports.signal.throwIfAborted();
    const { code } = reasonOf(error).reason;
    return reason('TAG_REFERENCE', `${subject}: tag reference; use @sha256:... (the digest cannot be found out: ${code})`);
  }
}
