import { isRepositoryPath } from '../oci/reference.ts';

const LABEL = /^[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?$/;
const PORT = /^[0-9]+$/;

/**
 * Whether `text` is `registry/repository` as a registry scope names it, without tag or digest. Upper case is allowed in the registry. One
 * pass over each part: the reference's own pattern would take exponential time here.
 */
export function isRepositoryScope(text: string): boolean {
  const slash = text.indexOf('/');
  if (slash < 1) return false;
  const [host = '', port, ...more] = text.slice(0, slash).split(':');
  if (more.length > 0 || (port !== undefined && !PORT.test(port))) return false;
  return host.split('.').every(isLabel) && isRepositoryPath(text.slice(slash + 1));
}

function isLabel(label: string): boolean {
  return label.length <= 255 && LABEL.test(label);
}
