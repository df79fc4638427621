import { z } from 'zod';
import { ConfigProblem } from '../engine/errors.ts';
import type { Reference, Request } from '../engine/types.ts';
import { type ImagePattern, matchesImage, parseImagePattern } from './image-pattern.ts';
import { type HostPattern, matchesHost, parseHostPattern } from './registry-host.ts';

const names = (one: string, what: string) => z.array(z.string().min(1).max(253).describe(one)).min(1).max(50).describe(what);

/** What a signing rule is about: the instance, and which of its repositories. */
export const scopeShape = {
  registries: z
    .array(z.string().min(1).max(260).describe('A host, with its port if it has one.'))
    .min(1)
    .max(10)
    .describe('Hosts of the one instance, such as its public and its VPC name; a name signed under one of them holds under all.'),
  namespaces: names('A namespace.', 'Namespaces of the instance; `*` stands for any part of a name. Default: all.').optional(),
  repositories: names('A repository.', 'Repositories without their namespace; `*` within a segment, a last `**`. Default: all.').optional(),
  kubernetesNamespaces: names('A namespace.', 'Kubernetes namespaces in which the rule applies. Default: all.').optional(),
};

export const scopeSpec = z.object(scopeShape);

/** Host, namespace and repository are each matched by themselves: nothing in one can stand for another. */
export interface Scope {
  readonly hosts: readonly HostPattern[];
  readonly hostNames: readonly string[];
  readonly namespaces: readonly ImagePattern[];
  readonly repositories: readonly ImagePattern[];
  readonly kubernetesNamespaces: readonly string[] | undefined;
}

/** @throws {ConfigProblem} with the path of what is no host or no pattern. */
export function scopeOf(spec: z.infer<typeof scopeSpec>): Scope {
  return {
    hosts: spec.registries.map((text, index) => hostOf(text, `spec.registries[${index}]`)),
    hostNames: spec.registries,
    namespaces: (spec.namespaces ?? ['*']).map((text, index) => {
      if (text.includes('/')) throw new ConfigProblem('CONFIG_INVALID', `spec.namespaces[${index}]`, 'expected a namespace without /');
      return patternOf(text, `spec.namespaces[${index}]`);
    }),
    repositories: (spec.repositories ?? ['**']).map((text, index) => patternOf(text, `spec.repositories[${index}]`)),
    kubernetesNamespaces: spec.kubernetesNamespaces,
  };
}

/** Whether the image is one that the scope is about, wherever in the cluster. */
export function isInScope({ hosts, namespaces, repositories }: Scope, { registry, path }: Reference): boolean {
  const slash = path.indexOf('/');
  // Every repository of an instance is in a namespace.
  if (slash === -1 || !hosts.some((host) => matchesHost(host, registry))) return false;
  const isOneOf = (patterns: readonly ImagePattern[], part: string) =>
    patterns.some((pattern) => matchesImage(pattern, { registry: ANY, path: part }));
  return isOneOf(namespaces, path.slice(0, slash)) && isOneOf(repositories, path.slice(slash + 1));
}

/** Whether a rule for these namespaces has to be asked; where none is told, the rule says so itself. */
export function isAskedFrom({ kubernetesNamespaces }: Scope, { namespace }: Request): boolean {
  return kubernetesNamespaces === undefined || namespace === undefined || kubernetesNamespaces.includes(namespace);
}

/** Stands for the registry in patterns that are about the path alone. */
const ANY = 'registry';

function hostOf(text: string, at: string): HostPattern {
  const host = parseHostPattern(text);
  if (typeof host === 'string') throw new ConfigProblem('CONFIG_INVALID', at, host);
  if (host.isBelow) throw new ConfigProblem('CONFIG_INVALID', at, 'expected the host of the instance in full, without *');
  return host;
}

function patternOf(text: string, at: string): ImagePattern {
  const pattern = parseImagePattern(`${ANY}/${text}`);
  const isPathAlone = typeof pattern !== 'string' && pattern.tag === undefined && pattern.digest === undefined;
  if (isPathAlone && (text !== '**' || !at.includes('namespaces'))) return pattern;
  throw new ConfigProblem('CONFIG_INVALID', at, 'expected lower-case path segments without tag or digest, * within one, ** as the last');
}
