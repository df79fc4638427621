import type { Descriptor, Referrer, Repository, Store } from '../engine/types.ts';
import type { Digest } from '../oci/digest.ts';
import { ContentError } from '../oci/errors.ts';
import { repositoryText } from '../oci/reference.ts';
import { clean, jsonOf } from './output.ts';
import { type InspectOptions, inspect } from './resolve.ts';

/** An artifact, and what is attached to it. */
interface Node {
  readonly descriptor: Referrer;
  readonly referrers: readonly Node[];
}

/** Levels below the image that are looked at: signatures, and what is attached to them. */
const MAX_DEPTH = 2;
/** Artifacts in the tree; each costs a request. */
const MAX_NODES = 1_000;
/** Annotations that people look for, by the word that is shown for them. */
const ANNOTATIONS: readonly (readonly [name: string, word: string])[] = [
  ['org.opencontainers.image.created', 'created'],
  ['org.opencontainers.image.title', 'title'],
  ['org.opencontainers.image.description', 'description'],
];
const MAX_ANNOTATION = 80;

/** `countersign discover`: the tree of what is attached to an image. */
export function discoverCommand(image: string, options: InspectOptions): Promise<number> {
  return inspect(image, options, async ({ reference, descriptor, store, signal }) => {
    const seen = new Set<Digest>([descriptor.digest]);
    const referrers = await attachedTo({ store, repository: reference, seen, signal }, descriptor, 1);
    if (options.output === 'json') return jsonOf({ image, digest: descriptor.digest, mediaType: descriptor.mediaType, referrers });
    const head = `${repositoryText(reference)}@${descriptor.digest}`;
    return [head, ...(referrers.length === 0 ? ['(nothing is attached)'] : treeLines(referrers, ''))].join('\n');
  });
}

interface Walk {
  readonly store: Store;
  readonly repository: Repository;
  readonly seen: Set<Digest>;
  readonly signal: AbortSignal;
}

async function attachedTo(walk: Walk, descriptor: Descriptor, depth: number): Promise<readonly Node[]> {
  const nodes: Node[] = [];
  for await (const page of walk.store.listReferrers({ repository: walk.repository, descriptor }, [], walk.signal)) {
    for (const referrer of page) {
      if (walk.seen.has(referrer.digest)) continue;
      if (walk.seen.size > MAX_NODES) throw tooMany(walk.repository);
      walk.seen.add(referrer.digest);
      nodes.push({ descriptor: referrer, referrers: depth < MAX_DEPTH ? await attachedTo(walk, referrer, depth + 1) : [] });
    }
  }
  return nodes;
}

function tooMany({ registry }: Repository): ContentError {
  return new ContentError('TOO_MANY_REFERRERS', `more than ${MAX_NODES} artifacts are attached to the image and to each other`, {
    registry,
  });
}

function treeLines(nodes: readonly Node[], indent: string): string[] {
  return nodes.flatMap(({ descriptor, referrers }, index) => {
    const last = index === nodes.length - 1;
    return [
      `${indent}${last ? '└── ' : '├── '}${clean(descriptor.artifactType || '(no artifact type)')}`,
      `${indent}${last ? '    ' : '│   '}${[descriptor.digest, `${descriptor.size} bytes`, ...annotationTexts(descriptor)].join(', ')}`,
      ...treeLines(referrers, `${indent}${last ? '    ' : '│   '}`),
    ];
  });
}

function annotationTexts({ annotations }: Descriptor): string[] {
  return ANNOTATIONS.flatMap(([name, word]) => {
    const text = annotations?.[name];
    return text === undefined ? [] : [`${word} ${clean(text).slice(0, MAX_ANNOTATION)}`];
  });
}
