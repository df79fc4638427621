import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readPemCertificates } from '../src/x509/pem.ts';

/** Files of the reference implementation's own tests, kept beside the repository, not in it. */
export const VECTORS = join(import.meta.dirname, '../../shared/vectors/notation');
export const hasVectors = existsSync(VECTORS);

/** Reads vectors, and knows which it has read. */
export interface VectorReader {
  bytes(path: string): Uint8Array;
  text(path: string): string;
  json(path: string): ReturnType<typeof JSON.parse>;
  /** DER of the certificates in a file: of all its PEM blocks, else of the whole file. */
  certificates(path: string): readonly Uint8Array[];
  /** Says that a file was read by other means. */
  note(path: string): void;
  readonly read: ReadonlySet<string>;
}

export function openVectors(): VectorReader {
  const read = new Set<string>();
  const bytes = (path: string): Uint8Array => {
    read.add(path);
    return new Uint8Array(readFileSync(join(VECTORS, path)));
  };
  const text = (path: string): string => Buffer.from(bytes(path)).toString();
  return {
    bytes,
    text,
    json: (path) => JSON.parse(text(path)),
    certificates: (path) => {
      const file = bytes(path);
      return Buffer.from(file).includes('-----BEGIN') ? readPemCertificates(Buffer.from(file).toString()) : [file];
    },
    note: (path) => void read.add(path),
    read,
  };
}

export interface VectorRow {
  readonly path: string;
  readonly size: number /* bytes */;
  /** The first 16 hexadecimal digits. */
  readonly sha256: string;
}

/** The files that `INDEX.md` lists: rows of tables under a heading that names their repository. */
export function vectorIndex(): readonly VectorRow[] {
  const rows: VectorRow[] = [];
  let repository = '';
  for (const line of readFileSync(join(VECTORS, 'INDEX.md'), 'utf8').split('\n')) {
    repository = /^#+ ([\w-]+)(?:: embedded)?$/.exec(line)?.[1] ?? repository;
    const [, path, size, sha256] = /^\| (\S+) \|(?: [^|]+ \|){0,2}? (\d+) \| ([0-9a-f]{16}) \|/.exec(line) ?? [];
    if (path !== undefined && sha256 !== undefined) rows.push({ path: `${repository}/${path}`, size: Number(size), sha256 });
  }
  return rows;
}
