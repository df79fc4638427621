import type { About, Reading, ReadingKind, Reference } from '../reference.ts';
import type { Opinion, Oracle } from '../target.ts';

export interface GoQuestion<T> {
  readonly kind: ReadingKind;
  /** What it is asked about, where that is not the input. */
  readonly text?: (bytes: Uint8Array) => Uint8Array;
  readonly about?: About;
  /** The lines that it should say of an input that we accept, the first ones or all; absent: nothing is compared. */
  readonly expected?: (value: T) => readonly string[];
}

/** The readers of notation-go and of Go as an oracle; none where they are not there. */
export function goOracle<T>(reference: Reference | undefined, question: GoQuestion<T>): readonly Oracle<T>[] {
  if (reference === undefined) return [];
  const { kind, text, about, expected } = question;
  return [
    {
      name: 'go',
      ask: async (bytes, execution) => {
        const reading = await reference.read(kind, text?.(bytes) ?? bytes, about);
        return opinionOf(reading, execution.value === undefined ? undefined : expected?.(execution.value));
      },
    },
  ];
}

function opinionOf({ accepts, why, says }: Reading, expected: readonly string[] | undefined): Opinion {
  if (!accepts) return { accepts, why };
  const at = (expected ?? []).findIndex((line, i) => line !== says?.[i]);
  if (at < 0) return { accepts };
  const [ours, theirs] = [expected?.[at], says?.[at]].map((line) => JSON.stringify(line)?.slice(0, 200));
  return { accepts, differs: true, why: `line ${at}: we read ${ours}, it reads ${theirs}` };
}
