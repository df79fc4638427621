import { isDeepStrictEqual } from 'node:util';
import { InvalidReferenceError, parseReference, type Reference, referenceText } from '../../../src/oci/reference.ts';
import type { CreateTarget } from '../materials.ts';
import { mutant, mutateText } from '../mutate.ts';
import type { Execution, Opinion, Target } from '../target.ts';
import { nonEmpty, textSeeds } from './seeds.ts';

/** `parseReference`, against the grammar of distribution's `reference` package and against itself on what it wrote. */
export const createReferenceTarget: CreateTarget = () => {
  const seeds = nonEmpty(textSeeds(TEXTS));
  const corpus = { seeds, words: WORDS };
  const target: Target<Reference> = {
    name: 'reference',
    about: 'image references',
    seeds,
    verifies: false,
    leniencies: [],
    input: (random) => mutant(corpus, [mutateText], random),
    execute,
    oracles: [{ name: 'grammar', ask: oracle }],
  };
  return target;
};

const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`;
const TEXTS = [
  'nginx',
  'library/nginx:1.27',
  'registry.example.test/team/app',
  `registry.example.test:5000/team/my-app_v2/x.y__z:v1.0.0-rc.1@${DIGEST}`,
  `localhost/app@${DIGEST}`,
  `Registry.Example.test/a@sha512:${'ab'.repeat(64)}`,
  `docker.io/library/busybox@sha384:${'0f'.repeat(48)}`,
  'index.docker.io/nginx:latest',
  '127.0.0.1:443/a/b/c/d:_tag',
];
const WORDS = [
  ...[
    DIGEST,
    'sha256:',
    'sha1:',
    '@sha256:',
    ':latest',
    'docker.io/',
    'localhost',
    ':5000',
    ':65536',
    ':0',
    '[::1]',
    '[ns]',
    'https://',
    'user@',
  ],
  ...['..', '--', '__', '___', '._', 'A', '\u00e9', '\u0131', '%2f', '?x=1', '#', 'a'.repeat(128), 'a'.repeat(255), 'xn--', '/./', '//'],
] as readonly string[] as readonly [string, ...string[]];

function execute(bytes: Uint8Array): Execution<Reference> {
  try {
    return { outcome: 'accepted', reached: false, value: parseReference(Buffer.from(bytes).toString()) };
  } catch (error) {
    if (error instanceof InvalidReferenceError) return { outcome: 'refused', reached: false };
    throw error;
  }
}

// Every group that repeats begins with a character that the one before it cannot end with: linear.
const ALPHANUMERIC = '[a-z0-9]+';
const COMPONENT = `${ALPHANUMERIC}(?:(?:\\.|_|__|-+)${ALPHANUMERIC})*`;
const LABEL = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])';
const HOST = `${LABEL}(?:\\.${LABEL})*(?::[0-9]+)?`;
const GRAMMAR = new RegExp(
  `^(?<name>(?:${HOST}/)?${COMPONENT}(?:/${COMPONENT})*)(?::(?<tag>[\\w][\\w.-]{0,127}))?(?:@(?<digest>[A-Za-z][A-Za-z0-9]*:[0-9a-fA-F]{32,}))?$`,
);
const HEX_LENGTH: Readonly<Record<string, number>> = { sha256: 64, sha384: 96, sha512: 128 };

function oracle(bytes: Uint8Array, { value }: Execution<Reference>): Opinion {
  const text = Buffer.from(bytes).toString();
  // Longer than any name, tag and digest together; what the expression costs on longer ones is nobody's concern.
  const groups = text.length > 1024 ? undefined : GRAMMAR.exec(text)?.groups;
  if (groups === undefined) return { accepts: false, why: 'not in the grammar' };
  const { name = '', tag, digest } = groups;
  // Measured under the one name that docker.io has.
  if (name.replace(/^index\.docker\.io\//i, 'docker.io/').length > 255)
    return { accepts: false, why: 'a name of more than 255 characters' };
  if (digest !== undefined && !isDigest(digest)) return { accepts: false, why: 'no digest of a known algorithm' };
  if (value === undefined) return { accepts: true };
  const parts = value.tag === (tag ?? (digest === undefined ? 'latest' : undefined)) && value.digest === digest;
  if (!parts) return { accepts: true, differs: true, why: 'another tag or digest' };
  const { tag: _, ...untagged } = value;
  const again = execute(Buffer.from(referenceText(value))).value;
  return isDeepStrictEqual(again, digest === undefined ? value : untagged)
    ? { accepts: true }
    : { accepts: true, differs: true, why: 'not the same when written and read again' };
}

function isDigest(text: string): boolean {
  const [algorithm = '', hex = ''] = text.split(':');
  return hex.length === HEX_LENGTH[algorithm] && hex === hex.toLowerCase();
}
