import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import type { BuildDeps } from '../../src/config/build.ts';
import type { Diagnostic } from '../../src/config/resources.ts';
import { ConfigProblem } from '../../src/engine/errors.ts';
import { defineCredentials, defineEnforcer, defineKeyProvider, defineStore, defineVerifier, type Kinds } from '../../src/engine/kinds.ts';
import type { Engine, ReferrerRule, Store, VerifierInput } from '../../src/engine/types.ts';

const API = 'config.ratify.deislabs.io/v1beta1';

/** A fresh folder with these files. */
export async function folder(files: Readonly<Record<string, string>>): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'countersign-config-'));
  for (const [name, text] of Object.entries(files)) await writeFile(join(path, name), text);
  return path;
}

/** One object as a line of JSON, which is YAML too; `namespace/name` is in that namespace. */
export function object(kind: string, qualified: string, spec: unknown, apiVersion = API): string {
  const slash = qualified.indexOf('/');
  const name = qualified.slice(slash + 1);
  const metadata = slash === -1 ? { name } : { name, namespace: qualified.slice(0, slash) };
  return `---\n${JSON.stringify({ apiVersion, kind, metadata, spec })}\n`;
}

export const store = (name: string, parameters: unknown = {}) =>
  object(name.includes('/') ? 'NamespacedStore' : 'Store', name, { name: 'shelf', parameters });
export const verifier = (name: string, parameters: unknown = {}) =>
  object(name.includes('/') ? 'NamespacedVerifier' : 'Verifier', name, { name: 'echo', artifactTypes: 'a/b', parameters });
export const policy = (name: string, parameters: unknown = {}) =>
  object(name.includes('/') ? 'NamespacedPolicy' : 'Policy', name, { type: 'config-policy', parameters });
export const keys = (name: string, material = name) =>
  object(name.includes('/') ? 'NamespacedKeyManagementProvider' : 'KeyManagementProvider', name, {
    type: 'words',
    parameters: { material },
  });
export const certificateStore = (name: string, material = name) =>
  object('CertificateStore', name, { provider: ' Words ', parameters: { material } });

/** Types of a small world: a verifier tells the key material that it was made with. */
export const smallKinds: Kinds = {
  verifiers: {
    echo: defineVerifier({
      type: 'echo',
      parameters: z.object({ keys: z.array(z.string()).optional(), mood: z.enum(['good', 'bad']).optional() }),
      create: ({ name, parameters, artifactTypes, keyMaterial }) => {
        if (parameters.mood === 'bad') throw new ConfigProblem('TRUST_POLICY_INVALID', 'spec.parameters.mood', 'expected a good mood');
        const certificates = (parameters.keys ?? []).flatMap((key) => keyMaterial(key).certificates);
        return {
          name,
          type: 'echo',
          artifactTypes,
          nested: false,
          canVerify: () => true,
          verify: async ({ referrer }) => ({
            verifier: name,
            type: 'echo',
            artifact: referrer,
            outcome: 'accepted',
            reason: { code: 'VERIFIED', message: certificates.map((certificate) => Buffer.from(certificate).toString()).join(' ') },
            trace: [],
            nested: [],
          }),
        };
      },
    }),
  },
  stores: {
    shelf: defineStore({
      type: 'shelf',
      parameters: z.object({ registry: z.string().optional() }),
      create: () => emptyStore(),
    }),
  },
  keyProviders: {
    words: defineKeyProvider({
      type: 'words',
      parameters: z.object({ material: z.string(), contentType: z.string().optional() }),
      create: ({ name, parameters: { material } }) => ({
        name,
        type: 'words',
        fetch: async () => ({ certificates: material === '' ? [] : [Buffer.from(material)] }),
      }),
    }),
  },
  credentials: {
    dockerConfig: defineCredentials({
      type: 'dockerConfig',
      parameters: z.object({ configPath: z.string().optional() }),
      create: () => ({ type: 'dockerConfig', get: async () => undefined }),
    }),
  },
  enforcers: {
    'config-policy': defineEnforcer({
      type: 'config-policy',
      parameters: z.object({ artifactVerificationPolicies: z.record(z.string(), z.string()).optional() }),
      create: () => ({ type: 'config-policy', decide: () => undefined }),
    }),
  },
  attestations: {},
  families: [],
  combineStores: (stores) => stores[0] ?? emptyStore(),
};

export const deps: BuildDeps = {
  facts: { remember: async (_kind, _key, signal, load) => (await load(signal)).value },
  registries: { plainHttp: false, ca: () => undefined, tokenServers: () => [] },
  ownNamespace: 'gatekeeper-system',
  freshnessMs: 10_000,
  signal: new AbortController().signal,
};

function emptyStore(): Store {
  const refuse = async () => {
    throw new Error('an empty store');
  };
  return {
    answersFor: () => true,
    resolve: refuse,
    listReferrers: async function* () {},
    fetchManifest: refuse,
    fetchBlob: refuse,
  };
}

/** What the verifiers of an engine answer, by name: the words of their key material, or the code of what is missing. */
export async function answers(engine: Engine): Promise<Readonly<Record<string, string>>> {
  const found: Record<string, string> = {};
  for (const one of referrerRules(engine).flatMap((rule) => rule.verifiers)) {
    // The small world's verifiers read nothing but the referrer.
    const input = {
      referrer: { mediaType: 'm', digest: `sha256:${'0'.repeat(64)}`, size: 1, artifactType: 'a/b' },
    } as unknown as VerifierInput;
    const report = await one.verify(input);
    found[one.name] =
      report.outcome === 'accepted' ? report.reason.message : `${report.outcome} ${report.reason.code}: ${report.reason.message}`;
  }
  return found;
}

/** `severity path code: message`, the file without its folder. */
export function line({ severity, file, line: number, path, code, message }: Diagnostic): string {
  return `${severity} ${file.slice(file.lastIndexOf('/') + 1)}:${number ?? '-'} ${path} ${code}: ${message}`;
}

/** The rules of an engine that are over what is attached to an image. */
export function referrerRules({ rules }: Engine): readonly ReferrerRule[] {
  return rules.filter((rule) => 'verifiers' in rule);
}
