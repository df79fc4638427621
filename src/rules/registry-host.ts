/** Hosts of registries that are meant: one, or with `*.` before it every one below. Without a port: at whichever. */
export interface HostPattern {
  readonly name: string;
  readonly port: string | undefined;
  readonly isBelow: boolean;
}

const HOST = /^(?:\*\.)?[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?(?::[1-9][0-9]{0,4})?$/;
/** What a registry is reached at where its name has none; `registry.example.com:443` is `registry.example.com`. */
const DEFAULT_PORT = '443';

/** @returns what is wrong with it, as text, where it is no host. */
export function parseHostPattern(text: string): HostPattern | string {
  if (!HOST.test(text) || text.includes('..')) return 'expected a registry host in lower case, such as registry.example.com:5000';
  const isBelow = text.startsWith('*.');
  const [name, port] = portOf(isBelow ? text.slice(2) : text);
  return { name, port, isBelow };
}

/** Whether `registry`, as a reference has it, is meant. A port in it is no way around a pattern without one. */
export function matchesHost({ name, port, isBelow }: HostPattern, registry: string): boolean {
  const [found, foundPort = DEFAULT_PORT] = portOf(registry);
  if (port !== undefined && port !== foundPort) return false;
  return isBelow ? found.endsWith(`.${name}`) : found === name;
}

function portOf(host: string): readonly [name: string, port: string | undefined] {
  const colon = host.indexOf(':');
  return colon === -1 ? [host, undefined] : [host.slice(0, colon), host.slice(colon + 1)];
}
