import type { Reason } from './types.ts';

/** Longest `message` of a reason, in bytes: Kubernetes cuts what it shows of a denial. */
const MAX_REASON_BYTES = 230;
/** Beyond, a text is not even looked at. */
const MAX_READ = 4 * MAX_REASON_BYTES;

/** A reason whose message is one printable ASCII line of at most 230 bytes; anything else in it is escaped, and it is cut at the end. */
export function reason(code: string, message: string): Reason {
  return { code, message: cut(printable(message), MAX_REASON_BYTES) };
}

/** `reason` with `suffix` after a message that is cut to make room for it. */
export function reasonWithSuffix({ code, message }: Reason, suffix: string): Reason {
  return reason(code, `${cut(printable(message), MAX_REASON_BYTES - suffix.length)}${suffix}`);
}

/** `text` in quotes as it may stand in a message whoever wrote it: printable ASCII, at most `maxLength` characters. */
export function quoted(text: string, maxLength = 80): string {
  return `"${cut(printable(text).replaceAll('"', "'"), maxLength)}"`;
}

/** At most `maxLength` characters, the last three of which are dots if something is missing. */
export function cut(text: string, maxLength: number): string {
  return text.length > maxLength ? `${text.slice(0, Math.max(0, maxLength - 3))}...` : text;
}

function printable(text: string): string {
  return text.slice(0, MAX_READ).replace(/[^\x20-\x7e]/gu, (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`);
}
