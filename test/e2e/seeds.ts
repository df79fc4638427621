import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { type Issued, keyUsage, OID, pki, type Subject, toPem } from '../pki.ts';
import { describeBytes, type Image, MANIFEST_TYPE } from '../rig/images.ts';
import type { SigningKey } from '../rig/notation.ts';

const MINUTE_MS = 60_000;
const YEAR_MS = 365 * 24 * 3_600_000;

/** The seed's file, laid out as YAML again; nothing else is changed in it. */
export const SEED = readFileSync(join(import.meta.dirname, '../config/aks/verify-config.yaml'), 'utf8');

export interface SeedChange {
  readonly pem: string;
  readonly identities?: readonly string[];
  readonly scopes?: readonly string[];
  readonly level?: string;
}

/** The seed with its certificate replaced, and what the case says. */
export function seedWith({ pem, identities, scopes, level }: SeedChange): string {
  const documents = parseAllDocuments(SEED).map((document) => parse(String(document)));
  for (const document of documents) {
    if (document.kind === 'CertificateStore') document.spec.parameters.value = pem;
    if (document.kind !== 'Verifier') continue;
    const [statement] = document.spec.parameters.trustPolicyDoc.trustPolicies;
    if (identities !== undefined) statement.trustedIdentities = identities;
    if (scopes !== undefined) statement.registryScopes = scopes;
    if (level !== undefined) statement.signatureVerification.level = level;
    // A statement that skips names nobody whom it trusts; the specification demands it.
    if (level === 'skip') Object.assign(statement, { trustStores: undefined, trustedIdentities: undefined });
  }
  return documents.map((document) => stringify(document)).join('---\n');
}

/** A signature as its own manifest, attached to `subject`. */
export function signatureOf(subject: Image, envelope: Uint8Array, envelopeType = 'application/jose+json'): Image {
  const empty = Buffer.from('{}');
  const bytes = Buffer.from(envelope);
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST_TYPE,
      artifactType: 'application/vnd.cncf.notary.signature',
      config: describeBytes('application/vnd.oci.empty.v1+json', empty),
      layers: [describeBytes(envelopeType, bytes)],
      subject: subject.descriptor,
    }),
  );
  return { descriptor: describeBytes(MANIFEST_TYPE, manifest), manifest, blobs: [empty, bytes], children: [] };
}

/** A certificate exactly as the Notation plugin for Alibaba Cloud's KMS makes it at a signature. */
export function kmsCertificate(key: 'RSA-2048' | 'EC-256'): Issued {
  const now = Date.now();
  const subject: Subject = [
    ['C', 'CN'],
    ['O', 'AlibabaCloud'],
    ['OU', 'Ack'],
    ['CN', 'notation'],
  ];
  const { privateKey } =
    key === 'EC-256' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('rsa', { modulusLength: 2048 });
  return pki.selfSigned({
    key,
    privateKey,
    subject,
    notBefore: new Date(now - MINUTE_MS),
    notAfter: new Date(now + YEAR_MS),
    extensions: { [OID.keyUsage]: { critical: true, value: keyUsage(0) }, [OID.extendedKeyUsage]: undefined },
  });
}

/** What notation signs with. */
export function keyOf({ privateKey, chain }: Issued): SigningKey {
  return {
    keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    certChainPem: chain.map(toPem).join(''),
  };
}
