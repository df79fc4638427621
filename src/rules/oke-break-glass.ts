import { cut, quoted, reason } from '../engine/reason.ts';
import type { Exemption, Request } from '../engine/types.ts';

/** Of a Pod: it may pull whatever it names, whoever signed it. */
export const BREAK_GLASS = 'oracle.image-policy.k8s.io/break-glass';
const VALUE = 'true';

/** The annotation by which OKE lets a Pod run regardless of `policy`: the exact text `true`, and each use is told. */
export function breakGlassOf(policy: string): Exemption {
  return {
    name: `${BREAK_GLASS} of ${policy}`,
    exempts: (rule) => rule.name === policy,
    covers: ({ attributes, namespace, text }) => {
      if (attributes.get(BREAK_GLASS) !== VALUE) return undefined;
      const where = namespace === undefined ? '' : ` in namespace ${namespace}`;
      const message = cut(`annotation ${BREAK_GLASS} lets ${cut(text, 120)} run${where}`, 230);
      return { reason: reason('BREAK_GLASS', message), record: { event: 'BreakGlass', object: policy, message } };
    },
    lapsed: ({ attributes }: Request) => {
      const value = attributes.get(BREAK_GLASS);
      if (value === undefined || value === VALUE) return undefined;
      return `break-glass annotation is ${quoted(value, 20)} and not "true": not honoured`;
    },
  };
}
