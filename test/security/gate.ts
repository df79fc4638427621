import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSnapshot } from '../../src/config/build.ts';
import { loadFiles } from '../../src/config/files.ts';
import { kinds } from '../../src/config/kinds.ts';
import type { Diagnostic } from '../../src/config/resources.ts';
import type { Snapshot } from '../../src/engine/types.ts';
import { createFactCache } from '../../src/lib/cache.ts';
import type { Descriptor } from '../../src/oci/descriptor.ts';
import { object } from '../config/world.ts';
import { type FakeRegistry, type FakeRegistryOptions, SIGNATURE, startFakeRegistry } from '../fakes/registry.ts';
import { type Issued, pki } from '../pki.ts';
import { type Answer, startTestProvider, type TestProvider, type TestProviderOptions } from '../server/running-provider.ts';
import { signJws } from '../sign.ts';

/** The whole gate: the provider over mutual TLS, the declared objects as files, and registries that can go wrong. */
export interface Gate {
  readonly provider: TestProvider;
  /** Puts in force what these YAML documents declare. */
  declare(documents: readonly (string | Uint8Array)[]): Promise<readonly Diagnostic[]>;
  /** What Gatekeeper is told of one key: `outcome CODE`, `invalid CODE` for an item's error, `request CODE` where nothing was evaluated. */
  ask(key: unknown): Promise<string>;
  /** The whole answer to one key. */
  answer(key: unknown): Promise<Answer>;
  close(): Promise<void>;
}

/** An image with one good signature in a registry of its own, and the objects by which it is accepted. */
export interface Scene {
  readonly fake: FakeRegistry;
  readonly image: Descriptor;
  readonly signature: Descriptor;
  readonly envelope: Uint8Array;
  readonly tag: string;
  /** The image by tag, and by digest. */
  readonly byTag: string;
  readonly byDigest: string;
}

export const root = pki.root();
export const leaf = root.leaf();
export const stranger = pki.root().leaf();

export async function openGate(options: TestProviderOptions = {}): Promise<Gate> {
  const provider = await startTestProvider(options);
  const answer = (key: unknown) => provider.ask([key]);
  return {
    provider,
    answer,
    declare: async (documents) => {
      const { snapshot, diagnostics, usable } = await snapshotOf(documents);
      provider.use(snapshot, usable);
      return diagnostics;
    },
    ask: async (key) => saidOf(await answer(key)),
    close: () => provider.close(),
  };
}

export function saidOf({ response: { systemError = '', items } }: Answer): string {
  if (items === undefined) return `request ${systemError.split(':', 1)[0]}`;
  const [item] = items;
  if (item === undefined) return / \((unavailable|misconfigured) ([A-Z_]+)\)/.exec(systemError)?.slice(1, 3).join(' ') ?? 'nothing';
  if (item.error !== undefined) return `invalid ${item.error.split(':', 1)[0]}`;
  // What Ratify's templates look at must agree with what ours do.
  const { isSuccess, outcome, reason } = item.value;
  return isSuccess === (outcome === 'accepted') ? `${outcome} ${reason.code}` : 'contradiction';
}

async function snapshotOf(
  documents: readonly (string | Uint8Array)[],
): Promise<{ snapshot: Snapshot; diagnostics: readonly Diagnostic[]; usable: boolean }> {
  const directory = mkdtempSync(join(tmpdir(), 'countersign-gate-'));
  for (const [at, text] of documents.entries()) writeFileSync(join(directory, `${String(at).padStart(2, '0')}.yaml`), text);
  const { resources, diagnostics } = await loadFiles(directory);
  rmSync(directory, { recursive: true });
  const built = await buildSnapshot(resources, kinds, {
    facts: createFactCache({ maxBytes: 64 * 1024 * 1024 }),
    registries: { plainHttp: false, ca: () => undefined, tokenServers: () => [] },
    ownNamespace: 'gatekeeper-system',
    // What a tag means, and what is attached, is asked anew each time.
    freshnessMs: 0,
    signal: new AbortController().signal,
  });
  return { snapshot: built.snapshot, usable: built.usable, diagnostics: [...diagnostics, ...built.diagnostics] };
}

export async function openScene(options: FakeRegistryOptions = {}, signer: Issued = leaf): Promise<Scene> {
  const fake = await startFakeRegistry(options);
  // A port may be one that an earlier scene had, whose verdicts are still kept.
  const tag = `v1-${randomBytes(4).toString('hex')}`;
  const image = fake.pushImage({ tag });
  const envelope = signJws({ signer, subject: image });
  const signature = fake.pushSignature({ subject: image, envelope });
  return {
    fake,
    image,
    signature,
    envelope,
    tag,
    byTag: `${fake.host}/team/app:${tag}`,
    byDigest: `${fake.host}/team/app@${image.digest}`,
  };
}

export const STATEMENT = {
  name: 'default',
  registryScopes: ['*'],
  signatureVerification: { level: 'strict' },
  trustStores: ['ca:acme'],
  trustedIdentities: ['*'],
};

export const STORE = object('Store', 'registry', { name: 'oras', parameters: { useHttp: true } });
export const KEYS = object('KeyManagementProvider', 'roots', {
  type: 'inline',
  parameters: { contentType: 'certificate', value: root.pem },
});
export const POLICY = object('Policy', 'ratify-policy', {
  type: 'config-policy',
  parameters: { artifactVerificationPolicies: { [SIGNATURE]: 'any' } },
});

/** The Verifier, with members over its statement, its parameters and its spec. */
export function verifierWith(statement: object = {}, parameters: object = {}, spec: object = {}): string {
  return object('Verifier', 'notation', {
    name: 'notation',
    artifactTypes: SIGNATURE,
    parameters: {
      verificationCertStores: { ca: { acme: ['roots'] } },
      trustPolicyDoc: { version: '1.0', trustPolicies: [{ ...STATEMENT, ...statement }] },
      ...parameters,
    },
    ...spec,
  });
}

/** The objects under which a good signature, and nothing else, is accepted. */
export const DECLARED: readonly string[] = [STORE, KEYS, verifierWith(), POLICY];
