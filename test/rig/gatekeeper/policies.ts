import { established } from '../cluster/definitions.ts';
import { admitted, type KubeClient, type KubeObject, targetOf } from '../cluster/kube-client.ts';
import { eventually } from '../wait.ts';

/** What each Gatekeeper process says of an object. */
interface PodStatus {
  readonly id: string;
  readonly observedGeneration?: number;
  readonly active?: boolean;
  readonly enforced?: boolean;
  readonly errors?: readonly { readonly message: string }[];
}

interface Declared extends KubeObject {
  readonly spec?: { readonly crd?: { readonly spec: { readonly names: { readonly kind: string } } } };
  readonly status?: { readonly created?: boolean; readonly byPod?: readonly PodStatus[] };
}

type InForce = (status: PodStatus) => boolean;

const TEMPLATE = 'ConstraintTemplate';
const GROUPS: Readonly<Record<string, InForce>> = {
  'externaldata.gatekeeper.sh': ({ active }) => active === true,
  'templates.gatekeeper.sh': () => true,
  'constraints.gatekeeper.sh': ({ enforced }) => enforced === true,
  'mutations.gatekeeper.sh': ({ enforced }) => enforced === true,
};

const DECLARED_KINDS = [
  { apiVersion: 'templates.gatekeeper.sh/v1', kind: TEMPLATE },
  { apiVersion: 'externaldata.gatekeeper.sh/v1beta1', kind: 'Provider' },
  { apiVersion: 'mutations.gatekeeper.sh/v1', kind: 'Assign' },
] as const;

/**
 * Applies Providers, ConstraintTemplates, constraints and mutators in their order and waits until every process has each one in force.
 *
 * @param pods - The processes that must say so, as `Gatekeeper.pods` names them.
 */
export async function applyPolicies(client: KubeClient, pods: readonly string[], objects: readonly KubeObject[]): Promise<void> {
  for (const object of objects) {
    // A constraint's kind is served a moment after its definition is established.
    const { metadata } = await eventually(`taken: ${nameOf(object)}`, async () => admitted(await client.apply(object)), {
      withinMs: 10_000,
    });
    if (object.kind === TEMPLATE) await established(client, `${templateKind(object).toLowerCase()}.constraints.gatekeeper.sh`);
    await inForce(client, pods, object, metadata.generation);
  }
}

/** Waits until every process has everything in force that is declared. */
export async function allInForce(client: KubeClient, pods: readonly string[]): Promise<void> {
  const kinds = [...DECLARED_KINDS, ...(await client.list<Declared>(DECLARED_KINDS[0])).map(constraintKind)];
  const objects = (await Promise.all(kinds.map((kind) => client.list(kind)))).flatMap((items, index) =>
    // Items of a list do not say what they are.
    items.map((item) => ({ ...item, ...kinds[index] })),
  );
  await Promise.all(objects.map((object) => inForce(client, pods, object, object.metadata.generation)));
}

async function inForce(client: KubeClient, pods: readonly string[], object: KubeObject, generation: number | undefined): Promise<void> {
  const isInForce = GROUPS[object.apiVersion.split('/')[0] ?? ''];
  if (isInForce === undefined) return;
  await eventually(`in force: ${nameOf(object)}`, async () => {
    const { byPod = [], created } = (await client.get<Declared>(targetOf(object)))?.status ?? {};
    const errors = byPod.flatMap((status) => status.errors ?? []);
    if (errors.length > 0) throw new Error(errors.map(({ message }) => message).join('; '));
    if (object.kind === TEMPLATE && created !== true) return undefined;
    const current = byPod.filter((status) => status.observedGeneration === generation && isInForce(status));
    return pods.every((pod) => current.some(({ id }) => id === pod)) || undefined;
  });
}

function constraintKind(template: Declared): { readonly apiVersion: string; readonly kind: string } {
  return { apiVersion: 'constraints.gatekeeper.sh/v1beta1', kind: templateKind(template) };
}

function templateKind({ spec }: Declared): string {
  return spec?.crd?.spec.names.kind ?? '';
}

function nameOf({ kind, metadata }: KubeObject): string {
  return `${kind} ${metadata.name}`;
}
