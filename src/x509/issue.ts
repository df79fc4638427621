import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  cryptoProvider,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Name,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';

export interface AuthorityRequest {
  readonly commonName: string;
  /** Start of the validity, less five minutes for clocks that are late. Default: the clock. */
  readonly now?: Date;
  /** Days that the authority and what it issues are valid. Default 30. */
  readonly days?: number;
}

export interface CertificateRequest {
  readonly commonName: string;
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
  readonly usages: readonly ('serverAuth' | 'clientAuth')[];
}

/** A certificate and its key (PKCS #8), both PEM. */
export interface IssuedCertificate {
  readonly certPem: string;
  readonly keyPem: string;
}

export interface Authority extends IssuedCertificate {
  /** Issues an end-entity certificate with a new P-256 key. */
  issue(request: CertificateRequest): Promise<IssuedCertificate>;
}

/** Makes a throwaway certificate authority for TLS: EC P-256, its key in memory only. */
export async function issueAuthority(request: AuthorityRequest): Promise<Authority> {
  cryptoProvider.set(webcrypto);
  const validity = validityOf(request.now ?? new Date(), request.days ?? 30);
  const keys = await generateKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    ...validity,
    serialNumber: newSerialNumber(),
    name: nameOf(request.commonName),
    keys,
    signingAlgorithm: SIGNING,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return {
    ...(await toPem(certificate, keys)),
    issue: (leaf) => issueLeaf(leaf, validity, { certificate, keys }),
  };
}

const SIGNING = { name: 'ECDSA', hash: 'SHA-256' } as const;
const USAGES = { serverAuth: ExtendedKeyUsage.serverAuth, clientAuth: ExtendedKeyUsage.clientAuth } as const;

interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

interface Issuer {
  readonly certificate: X509Certificate;
  readonly keys: CryptoKeyPair;
}

type CryptoKeyPair = webcrypto.CryptoKeyPair;

function validityOf(now: Date, days: number): Validity {
  const skewMs = 5 * 60_000;
  return { notBefore: new Date(now.getTime() - skewMs), notAfter: new Date(now.getTime() + days * 86_400_000) };
}

function generateKeys(): Promise<CryptoKeyPair> {
  return webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
}

function newSerialNumber(): string {
  // The first octet keeps the number positive and its encoding minimal.
  return `40${Buffer.from(webcrypto.getRandomValues(new Uint8Array(15))).toString('hex')}`;
}

function nameOf(commonName: string): Name {
  return new Name([{ CN: [commonName] }]);
}

async function issueLeaf(request: CertificateRequest, validity: Validity, issuer: Issuer): Promise<IssuedCertificate> {
  const keys = await generateKeys();
  const certificate = await X509CertificateGenerator.create({
    ...validity,
    serialNumber: newSerialNumber(),
    subject: nameOf(request.commonName),
    issuer: issuer.certificate.subjectName,
    publicKey: keys.publicKey,
    signingKey: issuer.keys.privateKey,
    signingAlgorithm: SIGNING,
    extensions: await leafExtensions(request, keys, issuer),
  });
  return toPem(certificate, keys);
}

async function leafExtensions(request: CertificateRequest, keys: CryptoKeyPair, issuer: Issuer): Promise<Extension[]> {
  const names = [
    ...(request.dnsNames ?? []).map((value) => ({ type: 'dns' as const, value })),
    ...(request.ipAddresses ?? []).map((value) => ({ type: 'ip' as const, value })),
  ];
  return [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension(request.usages.map((usage) => USAGES[usage])),
    ...(names.length === 0 ? [] : [new SubjectAlternativeNameExtension(names)]),
    await SubjectKeyIdentifierExtension.create(keys.publicKey),
    await AuthorityKeyIdentifierExtension.create(issuer.keys.publicKey),
  ];
}

async function toPem(certificate: X509Certificate, keys: CryptoKeyPair): Promise<IssuedCertificate> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  const lines = (der.match(/.{1,64}/g) ?? []).join('\n');
  return {
    certPem: `${certificate.toString('pem')}\n`,
    keyPem: `-----BEGIN PRIVATE KEY-----\n${lines}\n-----END PRIVATE KEY-----\n`,
  };
}
