/** One door for Gatekeeper: what is asked there and in whose shape it is answered. */
export interface Endpoint {
  readonly path: string;
  readonly action: 'verify' | 'mutate';
  readonly shape: 'v1' | 'v2';
}

/** Ratify v1's paths, the same under our own name, and Ratify v2's. */
export const ENDPOINTS: readonly Endpoint[] = [
  { path: '/ratify/gatekeeper/v1/verify', action: 'verify', shape: 'v1' },
  { path: '/ratify/gatekeeper/v1/mutate', action: 'mutate', shape: 'v1' },
  { path: '/countersign/v1/verify', action: 'verify', shape: 'v1' },
  { path: '/countersign/v1/mutate', action: 'mutate', shape: 'v1' },
  { path: '/ratify/gatekeeper/v2/verify', action: 'verify', shape: 'v2' },
  { path: '/ratify/gatekeeper/v2/mutate', action: 'mutate', shape: 'v2' },
];
