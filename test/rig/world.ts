import type { KubeObject } from './cluster/kube-client.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { type Declarations, declareInCluster, declareInFiles } from './declarations.ts';
import { applyPolicies } from './gatekeeper/policies.ts';
import { providerObject } from './gatekeeper/providers.ts';
import { type Gatekeeper, type GatekeeperOptions, startGatekeeper } from './gatekeeper.ts';
import { type Product, startProduct } from './product.ts';
import { type SignedImages, startSignedImages } from './signed-images.ts';
import { eventually } from './wait.ts';

/** The product in its place: a cluster, Gatekeeper that asks it, a registry that it asks. */
export interface World {
  readonly cluster: Cluster;
  readonly gatekeeper: Gatekeeper;
  readonly product: Product;
  readonly images: SignedImages;
  /** What is declared to the product. */
  readonly declarations: Declarations;
  /** Applies policies and waits until they are in force. */
  declare(...objects: readonly KubeObject[]): Promise<void>;
  stop(): Promise<void>;
}

export interface WorldOptions {
  readonly gatekeeper?: GatekeeperOptions;
  /** Where the product finds what is declared. Default `files`. */
  readonly declared?: 'files' | 'cluster';
  /** What the account `countersign` in Gatekeeper's namespace may, where things are declared in the cluster. Default: all that it can be told. */
  readonly rights?: readonly KubeObject[];
  /** More flags of the product, such as `--settings FILE`. */
  readonly productFlags?: readonly string[];
  readonly onProgress?: (line: string) => void;
}

/** Starts all of it and declares the Providers, ours by name and Ratify's; no policy yet. */
export async function startWorld({ onProgress = () => undefined, ...options }: WorldOptions = {}): Promise<World> {
  const cluster = await startCluster({ onProgress });
  try {
    const images = await startSignedImages(onProgress);
    cluster.beforeStop(images.stop);
    onProgress(`a registry is ready at ${images.host}`);
    const gatekeeper = await startGatekeeper(cluster, { ...options.gatekeeper, onProgress });
    const declarations = options.declared === 'cluster' ? await declareInCluster(cluster, options.rights) : declareInFiles(cluster.folder);
    await declarations.apply(images.trust);
    const product = await startProduct({
      ...declarations.door,
      folder: cluster.folder,
      log: cluster.log('countersign'),
      clientCa: gatekeeper.ca,
      ...(options.productFlags === undefined ? {} : { flags: options.productFlags }),
    });
    cluster.beforeStop(product.stop);
    await eventually('ready: countersign', async () => (await fetch(`http://${product.admin}/readyz`)).ok || undefined);
    onProgress(`countersign is ready at ${product.address}`);
    const declare = (...objects: readonly KubeObject[]): Promise<void> => applyPolicies(cluster.client, gatekeeper.pods, objects);
    await declare(...providers(product));
    return { cluster, gatekeeper, product, images, declarations, declare, stop: cluster.stop };
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

/** Budgets of the Providers: less than the webhook's timeout, more than the product's own deadline. */
function providers({ address, ca }: Product): readonly KubeObject[] {
  return ['countersign', 'ratify'].flatMap((brand) => {
    const path = brand === 'ratify' ? 'ratify/gatekeeper/v1' : 'countersign/v1';
    const url = `https://${address}/${path}`;
    return [
      providerObject({ name: `${brand}-provider`, url: `${url}/verify`, ca, timeoutSeconds: 2 }),
      providerObject({ name: `${brand}-mutation-provider`, url: `${url}/mutate`, ca, timeoutSeconds: 1 }),
    ];
  });
}
