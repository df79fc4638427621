import { z } from 'zod';

/** Where a service answers, as settings say it: a host with an optional port and path. */
export const serviceUrl = z
  .string()
  .max(2048)
  .refine(isServiceUrl, { error: 'expected https://host[:port][/path] or, without credentials, http://' });

function isServiceUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, search, hash } = new URL(text);
  return (protocol === 'https:' || protocol === 'http:') && [username, password, search, hash].every((part) => part === '');
}

/** Whether a credential may go there: over TLS, or on this machine. */
export function isSendable(text: string): boolean {
  if (!isServiceUrl(text)) return false;
  const { protocol, hostname } = new URL(text);
  return protocol === 'https:' || ['127.0.0.1', '[::1]', 'localhost'].includes(hostname);
}
