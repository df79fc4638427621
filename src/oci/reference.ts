import { isIPv4 } from 'node:net';
import { CodedError } from '../lib/errors.ts';
import { type Digest, isDigest } from './digest.ts';

/** A repository of a registry; `registry` is a host with an optional port, in lower case. */
export interface Repository {
  readonly registry: string;
  readonly path: string;
}

/** An image as somebody named it. When a digest is given it decides; the tag is kept for display only. */
export interface Reference extends Repository {
  readonly tag?: string;
  readonly digest?: Digest;
}

export class InvalidReferenceError extends CodedError {
  readonly code = 'INVALID_REFERENCE';
}

/** Longest repository name with its host; distribution's `reference` package. */
const MAX_NAME_LENGTH = 255;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const HOST_LABEL = /^(?:[a-z0-9]|[a-z0-9][a-z0-9-]*[a-z0-9])$/;
const PORT = /^[1-9][0-9]{0,4}$/;
const ASCII = /^[\x21-\x7e]*$/;
/** A last label that makes a URL's host an IPv4 address, however it is written (URL Standard, "ends in a number checker"). */
const NUMBER = /^(?:[0-9]+|0x[0-9a-f]*)$/;

/**
 * Parses an image reference and expands short names as Docker does: `nginx` is `docker.io/library/nginx:latest`.
 *
 * The host is put in lower case; a port stays as written. IPv6 hosts, user information, schemes, queries and brackets are invalid, and so
 * is a host that a URL would not keep as it is written: what is looked up in policies is what is connected to. So is one without dot or port
 * that only a capital tells from a path.
 *
 * @throws {InvalidReferenceError} with what was expected and what was found.
 */
export function parseReference(text: string): Reference {
  const fail = (why: string): never => {
    throw new InvalidReferenceError(`invalid image reference ${quote(text)}: ${why}; expected [registry/]repository[:tag][@digest]`);
  };
  const at = text.indexOf('@');
  const digest = at === -1 ? undefined : text.slice(at + 1);
  if (digest !== undefined && !isDigest(digest)) return fail(`${quote(digest)} is not a sha256, sha384 or sha512 digest`);
  const named = at === -1 ? text : text.slice(0, at);
  const colon = named.indexOf(':', named.lastIndexOf('/') + 1);
  const tag = colon === -1 ? undefined : named.slice(colon + 1);
  if (tag !== undefined && !TAG.test(tag)) return fail(`${quote(tag)} is not a tag`);
  const name = colon === -1 ? named : named.slice(0, colon);
  if (name === '') return fail('the repository is empty');
  const { host, path: written } = splitHost(name);
  const registry = canonicalHost(host);
  if (registry === undefined) return fail(`${quote(host)} is not a registry host`);
  const path = registry === 'docker.io' && !written.includes('/') ? `library/${written}` : written;
  if (registry.length + 1 + path.length > MAX_NAME_LENGTH) return fail(`the repository is longer than ${MAX_NAME_LENGTH} characters`);
  if (!isRepositoryPath(path)) return fail(`${quote(written)} is not a repository (lower-case letters, digits and . _ __ - between them)`);
  return {
    registry,
    path,
    ...(tag !== undefined ? { tag } : digest === undefined ? { tag: 'latest' } : {}),
    ...(digest !== undefined ? { digest } : {}),
  };
}

/** `registry/path`, without tag or digest: what trust policy scopes are compared with. */
export function repositoryText(repository: Repository): string {
  return `${repository.registry}/${repository.path}`;
}

/** The canonical text: with the digest where there is one (the tag is then left out), else with the tag. */
export function referenceText(reference: Reference): string {
  if (reference.digest !== undefined) return `${repositoryText(reference)}@${reference.digest}`;
  return reference.tag === undefined ? repositoryText(reference) : `${repositoryText(reference)}:${reference.tag}`;
}

/** Whether `path` follows the repository grammar of distribution-spec v1.1.1; one linear pass, no backtracking. */
export function isRepositoryPath(path: string): boolean {
  return path.split('/').every(isPathComponent);
}

function isPathComponent(component: string): boolean {
  let separator = '';
  let previous = '';
  for (const char of component) {
    if ((char >= 'a' && char <= 'z') || (char >= '0' && char <= '9')) {
      if (separator !== '' && (previous === '' || !isSeparator(separator))) return false;
      separator = '';
      previous = char;
    } else if (char === '.' || char === '_' || char === '-') {
      separator += char;
    } else return false;
  }
  return previous !== '' && separator === '';
}

function isSeparator(run: string): boolean {
  return run === '.' || run === '_' || run === '__' || !/[^-]/.test(run);
}

/** Docker's rule: the first component is a host if it has a dot, a port or an upper-case letter, or is `localhost`. */
function splitHost(name: string): { host: string; path: string } {
  const slash = name.indexOf('/');
  const first = name.slice(0, Math.max(slash, 0));
  if (slash === -1 || !(looksLikeHost(first) || first !== first.toLowerCase())) {
    return { host: 'docker.io', path: name };
  }
  return { host: first, path: name.slice(slash + 1) };
}

function looksLikeHost(component: string): boolean {
  return /[.:]/.test(component) || component === 'localhost';
}

function canonicalHost(host: string): string | undefined {
  // Lower-casing would make an ASCII letter of U+212A.
  if (!ASCII.test(host)) return undefined;
  const lower = host.toLowerCase();
  // `Library/nginx` names a host by its capital alone; in lower case it would be a repository of docker.io.
  if (!looksLikeHost(lower)) return undefined;
  if (lower === 'index.docker.io') return 'docker.io';
  const colon = lower.indexOf(':');
  const name = colon === -1 ? lower : lower.slice(0, colon);
  const port = colon === -1 ? undefined : lower.slice(colon + 1);
  if (port !== undefined && (!PORT.test(port) || Number(port) > 65_535)) return undefined;
  return name.split('.').every((label) => HOST_LABEL.test(label)) && isKept(name) ? lower : undefined;
}

function isKept(name: string): boolean {
  return !NUMBER.test(name.slice(name.lastIndexOf('.') + 1)) || isIPv4(name);
}

/** Printable ASCII in quotes, at most 80 characters: what an attacker wrote may stand in a message. */
function quote(text: string): string {
  const printable = text.replace(/[^\x20-\x7e]/g, '?').replaceAll('"', "'");
  return `"${printable.length > 80 ? `${printable.slice(0, 77)}...` : printable}"`;
}
