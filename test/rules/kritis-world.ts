import { buildSnapshot } from '../../src/config/build.ts';
import { readDocuments } from '../../src/config/documents.ts';
import { type FamilyOptions, familiesOf } from '../../src/config/families.ts';
import { kinds } from '../../src/config/kinds.ts';
import type { Diagnostic } from '../../src/config/resources.ts';
import { loadSettings } from '../../src/config/settings.ts';
import type { Attestation, AttestationSource, Store, Verdict, Vulnerability } from '../../src/engine/types.ts';
import { validate } from '../../src/engine/validate.ts';
import { type Digest, digestOf } from '../../src/oci/digest.ts';
import { parseVerifyKey } from '../../src/server/key.ts';
import { deps } from '../config/world.ts';
import { NOW, ports, treeStore } from '../engine/world.ts';
import { type KeyName, type Method, Signers } from '../simplesigning/openssl.ts';
import { payloadBytes } from '../simplesigning/world.ts';

/** The image of `treeStore`, so that tags resolve to it. */
export const DIGEST: Digest = digestOf(Buffer.from('image'));
export const REPOSITORY = 'kritis-demo.cn-hangzhou.cr.aliyuncs.com/kritis-demo/alpine';
export const IMAGE = `${REPOSITORY}@${DIGEST}`;
export const KEY_ID = 'key-4a2ef103-5aa3-4220-89ec-0123456789ab';

export const signers = new Signers();
const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** The documents of kritis-validation-hook laid out as YAML, with a key and an id in place of those that it masks. */
export const authority = (over: { name?: string; namespace?: string; key?: KeyName; id?: string; note?: string } = {}): string => `
---
apiVersion: kritis.grafeas.io/v1beta1
kind: AttestationAuthority
metadata:
  name: ${over.name ?? 'demo-aa'}
  namespace: ${over.namespace ?? 'default'}
spec:
  noteReference: ${over.note ?? 'namespaces/demo-aa'}
  publicKeyData: ${base64(signers.publicKey(over.key ?? 'rsa2048'))}
  publicKeyId: ${over.id ?? KEY_ID}
`;
export const policy = (authorities: readonly string[] = ['demo-aa'], name = 'demo-gap', namespace = 'default'): string => `
---
apiVersion: kritis.grafeas.io/v1beta1
kind: GenericAttestationPolicy
metadata:
  name: ${name}
  namespace: ${namespace}
spec:
  attestationAuthorityNames: ${JSON.stringify(authorities)}
`;
export const ALLOWLIST = `
---
apiVersion: kritis.grafeas.io/v1beta1
kind: AdmissionAllowlist
metadata:
  name: kritis-allowlist
spec:
  patterns:
  - namePattern: 'registry*.*.aliyuncs.com/acs/*'
  - namePattern: 'registry-vpc.cn-beijing.aliyuncs.com/arms-docker-repo/*'
    namespace: 'default'
`;
export const object = (kind: string, name: string, spec: unknown): string => {
  const metadata = kind === 'AdmissionAllowlist' ? { name } : { name, namespace: 'default' };
  return `\n---\n${JSON.stringify({ apiVersion: 'kritis.grafeas.io/v1beta1', kind, metadata, spec })}\n`;
};

export interface Signing {
  readonly key?: KeyName;
  readonly method?: Method;
  readonly keyId?: string;
  readonly note?: string;
  readonly algorithm?: string;
  readonly payload?: Uint8Array;
  readonly name?: string;
}

/** An attestation of the image that openssl signed, good but for what is given. */
export function attestation(signing: Signing = {}): Attestation {
  const payload = signing.payload ?? payloadBytes({ reference: REPOSITORY, digest: DIGEST });
  const signature = signers.sign(signing.key ?? 'rsa2048', signing.method ?? 'pkcs1-sha256', payload);
  const { algorithm, note } = signing;
  return {
    name: signing.name ?? 'projects/p/occurrences/1',
    format: 'simple-signing',
    payload,
    signatures: [{ keyId: signing.keyId ?? KEY_ID, signature, ...(algorithm !== undefined && { algorithm }) }],
    ...(note !== undefined && { note }),
  };
}

/** A source of these pages, which fails where an error stands in place of one; with what it was asked. */
export function listing(...pages: readonly (readonly Attestation[] | Error)[]): AttestationSource & { readonly asked: string[] } {
  const asked: string[] = [];
  return {
    name: 'shelf',
    asked,
    async *list({ repository, digest }) {
      asked.push(`${repository.registry}/${repository.path}@${digest}`);
      for (const page of pages) {
        if (page instanceof Error) throw page;
        yield page;
      }
    },
  };
}

/** A source that answers nothing until it is given up. */
export const silent: AttestationSource = { name: 'silent', list: (_, signal) => waiting(signal) };

/** Comes to no page. */
async function* waiting(signal: AbortSignal): AsyncGenerator<never> {
  await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
}

/** A source that knows these vulnerabilities, and no attestation. */
export function scanned(...pages: readonly (readonly Vulnerability[] | Error)[]): AttestationSource {
  return {
    ...listing([]),
    async *vulnerabilities() {
      for (const page of pages) {
        if (page instanceof Error) throw page;
        yield page;
      }
    },
  };
}

export interface Gate {
  readonly diagnostics: readonly Diagnostic[];
  readonly store: ReturnType<typeof treeStore>;
  readonly bugs: readonly unknown[];
  ask(key: string, options?: { readonly now?: Date; readonly signal?: AbortSignal; readonly maxSignatures?: number }): Promise<Verdict>;
}

/** What is declared, with these sources and these settings of `kritis`. */
export async function gate(
  yaml: string,
  sources: readonly AttestationSource[] = [],
  settings: Readonly<Record<string, unknown>> = {},
  over: Partial<Store> = {},
): Promise<Gate> {
  const { declared, diagnostics, broken } = readDocuments(yaml, 'all.yaml', 'gatekeeper-system');
  const all = familiesOf({ ...(await loadSettings()), families: { kritis: { ...settings, attestations: [] } } }, kinds);
  const usual = all.get('kritis') as FamilyOptions; // one of `kinds`
  const families = new Map(all).set('kritis', { ...usual, sources });
  const brokenFiles = new Set(broken ? ['all.yaml'] : []);
  const build = await buildSnapshot({ declared, brokenFiles }, kinds, { ...deps, families });
  const store = treeStore({}, over);
  const bugs: unknown[] = [];
  return {
    diagnostics: [...diagnostics, ...build.diagnostics],
    store,
    bugs,
    ask: (key, { now = NOW, signal, maxSignatures } = {}) => {
      const parsed = parseVerifyKey(key, 1024);
      if ('error' in parsed) throw new Error(parsed.error);
      const engine = { ...build.snapshot.for(parsed.request.namespace), store };
      const given = ports({ now, ...(signal && { signal }) });
      return validate(engine, parsed.request, given, (error) => bugs.push(error), maxSignatures === undefined ? {} : { maxSignatures });
    },
  };
}

export const brief = ({ outcome, reason }: Verdict): string => `${outcome} ${reason.code}`;
