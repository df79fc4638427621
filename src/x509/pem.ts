import { decodeBase64 } from '../lib/base64.ts';
import { X509Error } from './errors.ts';

const MAX_CHARACTERS = 1024 * 1024;
const MAX_CERTIFICATES = 1000;
const MAX_KEY_CHARACTERS = 64 * 1024;

/**
 * Reads the CERTIFICATE blocks of a PEM text (RFC 7468) in order. Text before and between blocks and blocks of other types are passed
 * over. Any white space may stand between the base64 characters, so a block that was folded onto one line still reads.
 *
 * @throws {X509Error} `PEM_INVALID` on a private key (which is not repeated in the message), on text after the last block, a broken
 * block, no certificate at all, more than 1 MiB or 1000 certificates.
 */
export function readPemCertificates(text: string): Uint8Array[] {
  if (text.length > MAX_CHARACTERS) throw invalid(`expected at most ${MAX_CHARACTERS} characters, got ${text.length}`);
  const certificates: Uint8Array[] = [];
  let at = 0;
  for (;;) {
    const block = nextBlock(text, at);
    if (block === undefined) break;
    at = block.end;
    if (block.label.endsWith('PRIVATE KEY'))
      throw invalid('a private key where only certificates belong; remove it and consider it exposed');
    if (block.label !== 'CERTIFICATE') continue;
    if (certificates.length >= MAX_CERTIFICATES) throw invalid(`more than ${MAX_CERTIFICATES} certificates`);
    certificates.push(decodeBody(block.body, `certificate ${certificates.length + 1}`));
  }
  if (certificates.length === 0) throw invalid('no certificates found in the pem block');
  if (text.slice(at).trim() !== '') throw invalid('failed to decode pem block: text after the last one');
  return certificates;
}

/**
 * Reads a PEM text as a file of a Notation trust store: every BEGIN and END has a line of its own, and there are no blocks but
 * certificates.
 *
 * @throws {X509Error} `PEM_INVALID` on that, and on what `readPemCertificates` throws on.
 */
export function readPemFile(text: string): Uint8Array[] {
  const certificates = readPemCertificates(text);
  // A carriage return belongs to the end of a line only where a line feed follows.
  const lines = text.replaceAll('\r\n', '\n').split('\n');
  if (lines.every((line) => !line.includes(DASHES) || BOUNDARY.test(line))) return certificates;
  throw invalid('failed to decode pem block: expected BEGIN CERTIFICATE and END CERTIFICATE on lines of their own, and nothing else');
}

/**
 * Reads the one PUBLIC KEY block (RFC 7468 section 13) that a PEM text is, with nothing but white space around it.
 *
 * @throws {X509Error} `PEM_INVALID` on a private key (which is not repeated in the message), on a block of any other type, on more than one,
 * a broken one, more than 64 KiB.
 */
export function readPemPublicKey(text: string): Uint8Array {
  if (text.length > MAX_KEY_CHARACTERS) throw invalid(`expected at most ${MAX_KEY_CHARACTERS} characters, got ${text.length}`);
  const block = nextBlock(text, 0);
  if (block === undefined) throw invalid('no public key found in the pem block');
  if (text.includes('PRIVATE KEY-----')) throw invalid('a private key where a public key belongs; remove it and consider it exposed');
  if (block.label !== 'PUBLIC KEY') throw invalid(`expected BEGIN PUBLIC KEY, got BEGIN ${block.label}`);
  const around = text.slice(0, block.start) + text.slice(block.end);
  if (around.trim() !== '') throw invalid('expected one public key, and nothing before or after it');
  return decodeBody(block.body, 'public key');
}

function invalid(message: string): X509Error {
  return new X509Error('PEM_INVALID', message);
}

interface Block {
  readonly label: string;
  readonly body: string;
  readonly start: number;
  readonly end: number;
}

const BEGIN = '-----BEGIN ';
const DASHES = '-----';
const BOUNDARY = /^-----(?:BEGIN|END) CERTIFICATE-----[ \t]*$/;

function nextBlock(text: string, from: number): Block | undefined {
  const begin = text.indexOf(BEGIN, from);
  if (begin < 0) return undefined;
  const labelEnd = text.indexOf(DASHES, begin + BEGIN.length);
  const label = text.slice(begin + BEGIN.length, labelEnd);
  if (labelEnd < 0 || label.length > 64 || label.includes('\n')) throw invalid('failed to decode pem block: malformed BEGIN line');
  const bodyStart = labelEnd + DASHES.length;
  const bodyEnd = text.indexOf(DASHES, bodyStart);
  const endLine = `-----END ${label}-----`;
  if (bodyEnd < 0 || !text.startsWith(endLine, bodyEnd)) throw invalid('failed to decode pem block: no END line for its BEGIN line');
  return { label, body: text.slice(bodyStart, bodyEnd), start: begin, end: bodyEnd + endLine.length };
}

function decodeBody(body: string, what: string): Uint8Array {
  const der = decodeBase64(body.replace(/[ \t\r\n]/g, ''));
  if (der === undefined || der.length === 0) throw invalid(`failed to decode pem block: ${what} is not base64`);
  return der;
}
