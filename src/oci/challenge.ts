/** How a registry wants to be authorized, out of `WWW-Authenticate` (RFC 9110, 11.6.1; RFC 6750). */
export type Challenge =
  | { readonly scheme: 'basic' }
  | { readonly scheme: 'bearer' /** As written: not yet a URL that may be followed. */; readonly realm: string; readonly service: string };

const MAX_HEADER_LENGTH = 4096;
const MAX_CHALLENGES = 8;
const SCHEME = /[A-Za-z0-9!#$%&'*+.^_`|~-]+/y;
const PARAMETER =
  /([A-Za-z0-9!#$%&'*+.^_`|~-]+)[ \t]*=[ \t]*(?:"((?:[\t\x20\x21\x23-\x5b\x5d-\x7e]|\\[\x20-\x7e])*)"|([A-Za-z0-9!#$%&'*+.^_`|~-]+))/y;
const TOKEN68 = /[A-Za-z0-9._~+/-]+=*/y;
const SPACE = /[ \t]*/y;
const LIST_SPACE = /[ \t,]*/y;

interface Scanner {
  readonly text: string;
  at: number;
}

/**
 * The first Basic or Bearer challenge; a `scope` that it asks for is not read, since the scope is for us to say.
 *
 * @returns undefined if there is none, or if anything in the header is malformed: duplicate parameters, over 4 KiB or 8 challenges, or
 * octets that the grammar does not have.
 */
export function parseChallenge(header: string): Challenge | undefined {
  if (header.length > MAX_HEADER_LENGTH) return undefined;
  const scanner: Scanner = { text: header, at: 0 };
  let found: Challenge | undefined;
  for (let count = 0; ; count++) {
    take(scanner, LIST_SPACE);
    if (scanner.at === header.length) return found;
    const challenge = count < MAX_CHALLENGES ? readChallenge(scanner) : undefined;
    if (challenge === undefined) return undefined;
    found ??= known(challenge);
  }
}

interface RawChallenge {
  readonly scheme: string;
  readonly parameters: ReadonlyMap<string, string>;
}

function known({ scheme, parameters }: RawChallenge): Challenge | undefined {
  if (scheme === 'basic') return { scheme };
  const realm = parameters.get('realm');
  if (scheme !== 'bearer' || realm === undefined) return undefined;
  return { scheme, realm, service: parameters.get('service') ?? '' };
}

function readChallenge(scanner: Scanner): RawChallenge | undefined {
  const [scheme] = take(scanner, SCHEME) ?? [];
  if (scheme === undefined) return undefined;
  const spaced = (take(scanner, SPACE)?.[0] ?? '') !== '';
  const parameters = spaced ? readParameters(scanner) : new Map<string, string>();
  if (parameters === undefined) return undefined;
  if (spaced && parameters.size === 0) take(scanner, TOKEN68);
  take(scanner, SPACE);
  const ended = scanner.at === scanner.text.length || scanner.text.charAt(scanner.at) === ',';
  return ended ? { scheme: scheme.toLowerCase(), parameters } : undefined;
}

/** The parameters up to the next challenge or the end; undefined if two have one name. */
function readParameters(scanner: Scanner): Map<string, string> | undefined {
  const parameters = new Map<string, string>();
  for (;;) {
    const start = scanner.at;
    if (parameters.size > 0 && !takeComma(scanner)) return parameters;
    const parameter = take(scanner, PARAMETER);
    if (parameter === undefined) {
      scanner.at = start;
      return parameters;
    }
    const [, name = '', quoted, token = ''] = parameter;
    if (parameters.has(name.toLowerCase())) return undefined;
    parameters.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? token);
  }
}

function takeComma(scanner: Scanner): boolean {
  take(scanner, SPACE);
  if (scanner.text.charAt(scanner.at) !== ',') return false;
  take(scanner, LIST_SPACE);
  return true;
}

function take(scanner: Scanner, pattern: RegExp): RegExpExecArray | undefined {
  pattern.lastIndex = scanner.at;
  const match = pattern.exec(scanner.text) ?? undefined;
  if (match !== undefined) scanner.at += match[0].length;
  return match;
}
