import { z } from 'zod';
import { ConfigProblem } from '../engine/errors.ts';
import { definePart, type FamilyObject, type ParameterHint, type RuleFamily } from '../engine/kinds.ts';
import { cut, quoted, reason } from '../engine/reason.ts';
import type { Exemption, Request, Rule } from '../engine/types.ts';
import { type ImagePattern, matchesImage, parseImagePattern } from './image-pattern.ts';

const NAMESPACE = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const line = (what: string) => z.string().min(1).max(200).describe(what);

/** Nothing else: a slip in the name of a field that narrows it would have it hold everywhere. */
export const exceptionSpec = z.strictObject({
  images: z
    .array(z.string().describe('Such as `registry.example.com/team/**`.'))
    .min(1)
    .max(100)
    .describe(
      'Images that may run: repositories with the registry in full, `*` within a segment, a last `**`; a tag or digest narrows it.',
    ),
  namespaces: z
    .array(z.string().regex(NAMESPACE).describe('One of them.'))
    .min(1)
    .max(100)
    .optional()
    .describe('Namespaces in which they may. Default: all.'),
  rules: z
    .array(z.string().min(1).max(253).describe('One of them.'))
    .min(1)
    .max(50)
    .optional()
    .describe(
      'Rules that need not be satisfied: a family (`ratify`, `kritis`, `acr`, `oke`) or the name of one rule as verdicts have it. Default: all.',
    ),
  reason: line('Why.'),
  ticket: line('Where this was decided.'),
  owner: line('Who answers for it.'),
  expires: z.iso.datetime({ offset: true }).describe('From when on it is not honoured any more, such as 2027-01-31T00:00:00Z.'),
});

interface ExceptionPart {
  readonly patterns: readonly ImagePattern[];
  readonly namespaces: readonly string[] | undefined;
  readonly rules: readonly string[] | undefined;
  readonly why: string;
  readonly expires: Date;
}

const LONG_DAYS = 180;

const exception = definePart<z.infer<typeof exceptionSpec>, ExceptionPart>({
  kind: 'Exception',
  spec: exceptionSpec,
  // Whoever edits one may well mean to narrow it.
  keepsLastGood: false,
  create: ({ spec }) => ({
    patterns: spec.images.map((text, index) => {
      const pattern = parseImagePattern(text);
      if (typeof pattern === 'string') throw new ConfigProblem('CONFIG_INVALID', `spec.images[${index}]`, pattern);
      return pattern;
    }),
    namespaces: spec.namespaces,
    rules: spec.rules,
    why: `${spec.reason} (${spec.ticket}, ${spec.owner})`,
    expires: new Date(spec.expires),
  }),
  hints: ({ expires, rules = [] }) => [...ruleHints(rules), ...expiryHints(expires)],
});

/** Rules as verdicts name them, and the words for all of a sort. */
const KNOWN =
  /^(?:ratify|kritis|acr|oke|(?:cluster )?(?:default|ratify-policy)|GenericAttestationPolicy|ImageSecurityPolicy|(?:ImageSigningRule|ImageVerificationPolicy) \S+)$/;

/** A slip of the pen satisfies no rule, and looks as if it did. */
function ruleHints(rules: readonly string[]): readonly ParameterHint[] {
  return rules.flatMap((rule, index) =>
    KNOWN.test(rule)
      ? []
      : [
          {
            path: ['rules', index],
            message: `no rule is called ${quoted(rule, 60)}; expected ratify, kritis, acr, oke or a name as verdicts have it`,
          },
        ],
  );
}

function expiryHints(expires: string): readonly ParameterHint[] {
  const days = (Date.parse(expires) - Date.now()) / 86_400_000;
  if (days <= 0) return [{ path: ['expires'], message: `expired at ${expires}: not honoured any more; delete it or set a later time` }];
  return days > LONG_DAYS
    ? [{ path: ['expires'], message: `is more than ${LONG_DAYS} days away; an exception that long is a policy` }]
    : [];
}

/**
 * `Exception` of countersign.dev: what it names may run without evidence until it expires. Its use is told with each answer. One that has expired,
 * or cannot be read, is not honoured.
 */
export const exceptions: RuleFamily = {
  name: 'exceptions',
  family: 'countersign',
  parts: [exception],
  settings: z.object({}),
  uncovered: 'nothing',
  namespaced: false,
  build: ({ objects }) => ({
    rules: [],
    exemptions: (objects('Exception') as readonly FamilyObject<ExceptionPart>[]).flatMap(exemptionOf),
  }),
};

function exemptionOf({ name, part }: FamilyObject<ExceptionPart>): readonly Exemption[] {
  if (part === undefined) return [];
  const object = `Exception ${name}`;
  const until = part.expires.toISOString();
  const isMeant = ({ reference, namespace }: Request): boolean =>
    (part.namespaces === undefined || (namespace !== undefined && part.namespaces.includes(namespace))) &&
    part.patterns.some((pattern) => matchesImage(pattern, reference));
  return [
    {
      name: object,
      exempts: (rule) => part.rules === undefined || part.rules.some((one) => one === rule.name || one === groupOf(rule)),
      covers: (request, now) => {
        if (now >= part.expires || !isMeant(request)) return undefined;
        const message = cut(`${object} lets it run until ${until}: ${part.why}`, 230);
        return { reason: reason('EXCEPTION', message), record: { event: 'ExceptionUsed', object, message }, validUntil: part.expires };
      },
      lapsed: (request, now) => (now >= part.expires && isMeant(request) ? `${object} expired at ${until}` : undefined),
    },
  ];
}

/** The word by which all rules of one way of declaring are meant. */
function groupOf({ family, group }: Rule): string {
  return group ?? family;
}
