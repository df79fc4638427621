import type { Descriptor, Referrer, Repository, Store } from '../engine/types.ts';
import type { Digest } from '../oci/digest.ts';
import { repositoryText } from '../oci/reference.ts';
import { clean, jsonOf } from './output.ts';
import { type InspectOptions, inspect } from './resolve.ts';

/** An artifact, and what is attached to it. */
interface Node {
  readonly descriptor: Referrer;
  readonly referrers: readonly Node[];
}

/** Levels below the image that are looked at. */
const MAX_DEPTH = 3;

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
      walk.seen.add(referrer.digest);
      nodes.push({ descriptor: referrer, referrers: depth < MAX_DEPTH ? await attachedTo(walk, referrer, depth + 1) : [] });
    }
  }
  return nodes;
}

function treeLines(nodes: readonly Node[], indent: string): string[] {
  return nodes.flatMap(({ descriptor, referrers }, index) => {
    const last = index === nodes.length - 1;
    const created = descriptor.annotations?.['org.opencontainers.image.created'];
    return [
      `${indent}${last ? '└── ' : '├── '}${clean(descriptor.artifactType || '(no artifact type)')}`,
      `${indent}${last ? '    ' : '│   '}${descriptor.digest}, ${descriptor.size} bytes${created === undefined ? '' : `, created ${clean(created).slice(0, 40)}`}`,
      ...treeLines(referrers, `${indent}${last ? '    ' : '│   '}`),
    ];
  });
}
