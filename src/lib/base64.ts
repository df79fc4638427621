/**
 * Decodes standard base64 (RFC 4648 section 4) with its padding.
 *
 * @returns The bytes; undefined for a foreign character, white space, wrong or missing padding, or unused bits that are not zero.
 */
export function decodeBase64(text: string): Uint8Array | undefined {
  return decode(text, 'base64');
}

/**
 * Decodes base64url (RFC 4648 section 5) without padding, as JWS writes it (RFC 7515 section 2).
 *
 * @returns The bytes; undefined for a foreign character, white space, padding, an impossible length, or unused bits that are not zero.
 */
export function decodeBase64Url(text: string): Uint8Array | undefined {
  return decode(text, 'base64url');
}

// Buffer never fails: it drops what it cannot read and takes both alphabets. What it wrote again must be what was read.
function decode(text: string, encoding: 'base64' | 'base64url'): Uint8Array | undefined {
  const bytes = Buffer.from(text, encoding);
  return bytes.toString(encoding) === text ? bytes : undefined;
}
