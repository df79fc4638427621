import type { Loaded } from './files.ts';
import { type Declared, type Diagnostic, identity, objectName } from './resources.ts';

/**
 * What several places declare as one. Of two objects with one identity the one of the earlier place applies, and the other is an
 * error: files come with the deployment, and outrank the cluster.
 */
export function combine(places: readonly Loaded[]): Loaded {
  const declared = new Map<string | symbol, Declared>();
  const twice: Diagnostic[] = [];
  for (const { resources } of places) {
    for (const object of resources.declared) {
      const key = object.name === '' ? Symbol() : identity(object);
      const earlier = declared.get(key);
      if (earlier === undefined) declared.set(key, object);
      else twice.push(declaredTwice(object, earlier));
    }
  }
  return {
    resources: {
      declared: [...declared.values()],
      brokenFiles: new Set(places.flatMap(({ resources }) => [...resources.brokenFiles])),
    },
    diagnostics: [...places.flatMap(({ diagnostics }) => diagnostics), ...twice],
  };
}

function declaredTwice(object: Declared, earlier: Declared): Diagnostic {
  return {
    severity: 'error',
    file: object.origin.file,
    object: objectName(object),
    path: 'metadata.name',
    code: 'CONFIG_INVALID',
    message: `declared twice: already in ${earlier.origin.file}; ignored`,
  };
}
