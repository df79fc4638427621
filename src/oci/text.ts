const MAX_LENGTH = 200;
const SECRETS: readonly RegExp[] = [/\b(?:Bearer|Basic)\s+[A-Za-z0-9._~+/=-]+/gi, /\beyJ[A-Za-z0-9._-]+/g, /\/\/[^/@\s]{1,512}@/g];

/** What a stranger may have written, fit for a message: at most 200 printable ASCII characters, secrets cut out. */
export function foreignText(text: string): string {
  const redacted = SECRETS.reduce((rest, secret) => rest.replace(secret, '[redacted]'), text.slice(0, 4 * MAX_LENGTH));
  return redacted
    .replace(/[^\x20-\x7e]+/g, ' ')
    .trim()
    .slice(0, MAX_LENGTH);
}

/** A URL as it may be shown: where it leads, without user information and query. */
export function urlText(url: URL): string {
  return foreignText(`${url.protocol}//${url.host}${url.pathname}`);
}
