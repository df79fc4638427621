import { createPrivateKey, X509Certificate } from 'node:crypto';
import { member } from './objects.ts';

/** A certificate that was made here, with the authority that signed it and nothing else. PEM. */
export interface MadeCertificate {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** What the Secret of the serving certificate says. */
export interface ServingState {
  /** What is served. */
  readonly active: MadeCertificate;
  /** What will be served once whoever calls has its authority. */
  readonly next: (MadeCertificate & { readonly since: number }) | undefined;
  /** The authority before, for callers and replicas that are late. */
  readonly previous: { readonly ca: string; readonly since: number } | undefined;
}

const NEXT_SINCE = 'countersign.dev/next-since';
const ACTIVE_SINCE = 'countersign.dev/active-since';

/** Reads a Secret; undefined for one that holds no certificate with its key and authority. */
export function readServingState(secret: unknown): ServingState | undefined {
  const data = member(secret, 'data');
  const text = (name: string) => Buffer.from(String(member(data, name) ?? ''), 'base64').toString('utf8');
  const since = (name: string) => Date.parse(String(member(member(member(secret, 'metadata'), 'annotations'), name) ?? '')) || 0;
  const active = checked({ ca: text('ca.crt'), cert: text('tls.crt'), key: text('tls.key') });
  if (active === undefined) return undefined;
  const next = checked({ ca: text('next-ca.crt'), cert: text('next.crt'), key: text('next.key') });
  const previous = text('previous-ca.crt');
  return {
    active,
    next: next === undefined ? undefined : { ...next, since: since(NEXT_SINCE) },
    previous: certificateOf(previous) === undefined ? undefined : { ca: previous, since: since(ACTIVE_SINCE) },
  };
}

/** `data` and `annotations` of the Secret that says `state`. */
export function writeServingState({ active, next, previous }: ServingState): {
  data: Record<string, string>;
  annotations: Record<string, string>;
} {
  const texts = {
    'ca.crt': active.ca,
    'tls.crt': active.cert,
    'tls.key': active.key,
    ...(next === undefined ? {} : { 'next-ca.crt': next.ca, 'next.crt': next.cert, 'next.key': next.key }),
    ...(previous === undefined ? {} : { 'previous-ca.crt': previous.ca }),
  };
  return {
    data: Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, Buffer.from(text).toString('base64')])),
    annotations: {
      ...(next === undefined ? {} : { [NEXT_SINCE]: new Date(next.since).toISOString() }),
      ...(previous === undefined ? {} : { [ACTIVE_SINCE]: new Date(previous.since).toISOString() }),
    },
  };
}

/** Annotations of ours, which a new state replaces. */
export const SERVING_ANNOTATIONS: readonly string[] = [NEXT_SINCE, ACTIVE_SINCE];

/** All authorities that callers must know, each once. */
export function bundleOf({ active, next, previous }: ServingState): string {
  const authorities = [active.ca, next?.ca, previous?.ca].filter((ca) => ca !== undefined).map((ca) => `${ca.trim()}\n`);
  return [...new Set(authorities)].join('');
}

/** The names and addresses that a certificate is for, sorted. */
export function hostsOf(cert: string): readonly string[] {
  const names = certificateOf(cert)?.subjectAltName?.split(', ') ?? [];
  return names.map((name) => name.replace(/^(?:DNS|IP Address):/, '')).sort();
}

export function notAfterOf(cert: string): number {
  return certificateOf(cert)?.validToDate.getTime() ?? 0;
}

function checked(made: MadeCertificate): MadeCertificate | undefined {
  const [ca, cert] = [certificateOf(made.ca), certificateOf(made.cert)];
  if (ca === undefined || cert === undefined) return undefined;
  try {
    return cert.checkPrivateKey(createPrivateKey(made.key)) && cert.verify(ca.publicKey) ? made : undefined;
  } catch {
    return undefined;
  }
}

function certificateOf(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}
