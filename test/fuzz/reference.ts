import { startLineProcess } from '../oracle/line-process.ts';

/** What notation-go's readers, and Go's own below them, make of some bytes. */
export interface Reading {
  readonly accepts: boolean;
  readonly why: string;
  /** What two readers should agree on; null if it was refused. */
  readonly says: readonly string[] | null;
}

export type ReadingKind = 'policy' | 'identity' | 'certificate' | 'pem' | 'crl' | 'ocsp' | 'jws' | 'cose' | 'cms';

/** Who must have signed it, or stand above who did (DER), of which certificate it must speak (DER), of which message. */
export interface About {
  readonly issuer: Uint8Array;
  readonly subject?: Uint8Array;
  readonly message?: Uint8Array;
}

/** A process of `test/oracle/reference`. */
export interface Reference {
  read(kind: ReadingKind, bytes: Uint8Array, about?: About): Promise<Reading>;
  /** Resolves when the process has ended. */
  close(): Promise<void>;
}

interface Question {
  readonly kind: ReadingKind;
  /** Base64. */
  readonly bytes: string;
  readonly issuer?: string;
  readonly subject?: string;
  readonly message?: string;
}

export function startReference(binary: string): Reference {
  const lines = startLineProcess<Question, Reading>(binary, ['read']);
  return {
    read: (kind, bytes, about) =>
      lines.ask({
        kind,
        bytes: base64(bytes),
        ...(about && { issuer: base64(about.issuer) }),
        ...(about?.subject && { subject: base64(about.subject) }),
        ...(about?.message && { message: base64(about.message) }),
      }),
    close: lines.close,
  };
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
