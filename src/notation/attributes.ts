import { NotationError } from './errors.ts';
import { HEADER } from './headers.ts';
import type { ExtendedAttribute } from './types.ts';

/**
 * Why the extended attributes keep a signature from being judged, at every level: it names a verification plugin, and there are none, or it
 * marks as critical what is not known here, which the specification says must fail (signature-specification, "Extended attributes").
 */
export function attributesProblem(attributes: readonly ExtendedAttribute[]): NotationError | undefined {
  const plugin = attributes.find(({ key }) => key === HEADER.plugin);
  if (plugin !== undefined) return new NotationError('PLUGIN_REQUIRED', pluginMessage(plugin));
  const unknown = attributes.find(({ critical }) => critical);
  if (unknown === undefined) return undefined;
  return new NotationError(
    'CRITICAL_ATTRIBUTE_UNKNOWN',
    `extended critical attribute ${JSON.stringify(String(unknown.key).slice(0, 80))} is not understood`,
  );
}

function pluginMessage({ value, critical }: ExtendedAttribute): string {
  if (!critical) return `${HEADER.plugin} is not a critical Extended attribute`;
  if (typeof value !== 'string') return `${HEADER.plugin} from extended attribute is not a string`;
  if (value.trim() === '') return `${HEADER.plugin} from extended attribute is an empty string`;
  return `the signature must be verified by plugin ${JSON.stringify(value.slice(0, 80))}, and plugins are not supported`;
}
