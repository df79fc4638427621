import { quoted } from '../engine/reason.ts';
import { type Declared, type Diagnostic, type ObjectPath, type Origin, objectName, pathText } from './resources.ts';
import { kindOf } from './schema/check.ts';
import { OBJECT_KINDS } from './schema/kinds.ts';

/** What a document is: ours, somebody else's, or several objects in a Kubernetes `List`. */
export interface Reading {
  readonly declared: readonly Declared[];
  readonly diagnostics: readonly Diagnostic[];
  /** Whether something of ours is in it whose identity cannot be known. */
  readonly broken: boolean;
}

interface Place {
  readonly origin: Origin;
  /** Namespace of namespaced objects that name none. */
  readonly ownNamespace: string;
}

const MAX_DEPTH = 64;
/** RFC 1123 subdomain and label, as the API server wants names and namespaces. */
const NAME = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/;
const NAMESPACE = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** Identifies the objects in one document; `spec` is looked at when it is built. Unrelated kinds are a note each. */
export function readObjects(value: unknown, place: Place): Reading {
  if (value === null || value === undefined) return { declared: [], diagnostics: [], broken: false };
  if (!isMap(value)) return unusable(place, [], `expected an object with apiVersion and kind, found ${kindOf(value)}`);
  if (!isShallow(value, MAX_DEPTH)) return unusable(place, [], `expected at most ${MAX_DEPTH} levels of nesting, found more`);
  const { kind, items } = value;
  if (typeof kind === 'string' && kind.endsWith('List') && Array.isArray(items)) {
    return join(items.map((item: unknown, index) => readItem(item, place, index)));
  }
  return readObject(value, place, []);
}

function readItem(item: unknown, place: Place, index: number): Reading {
  const inside: Place = {
    ...place,
    origin: { file: place.origin.file, line: (path) => place.origin.line(['items', index, ...path]) },
  };
  return isMap(item) ? readObject(item, inside, []) : unusable(inside, [], `expected an object in the list, found ${kindOf(item)}`);
}

function readObject(object: Readonly<Record<string, unknown>>, place: Place, at: ObjectPath): Reading {
  const { apiVersion, kind } = object;
  if (typeof apiVersion !== 'string') return unusable(place, [...at, 'apiVersion'], `expected a string, found ${kindOf(apiVersion)}`);
  if (typeof kind !== 'string') return unusable(place, [...at, 'kind'], `expected a string, found ${kindOf(kind)}`);
  const [group = '', version = ''] = apiVersion.split('/');
  const kindsOfGroup = OBJECT_KINDS.filter((candidate) => candidate.group === group);
  if (kindsOfGroup.length === 0) {
    const message = `${quoted(kind)} of ${quoted(apiVersion)} is not a kind that is read here; ignored`;
    return { declared: [], diagnostics: [diagnostic(place, 'note', ['kind'], 'UNRELATED_KIND', message)], broken: false };
  }
  const row = kindsOfGroup.find((candidate) => candidate.kind === kind);
  if (row === undefined) {
    const known = kindsOfGroup.map((candidate) => candidate.kind).join(', ');
    return unusable(place, ['kind'], `unknown kind ${quoted(kind)} of ${group}; expected ${known}`);
  }
  const problems: [ObjectPath, string][] = [];
  if (!row.versions.includes(version)) {
    problems.push([['apiVersion'], `unknown version ${quoted(version)}; expected ${row.versions.join(' or ')}`]);
  }
  const metadata = isMap(object.metadata) ? object.metadata : {};
  if (!isMap(object.metadata)) problems.push([['metadata'], `expected a map, found ${kindOf(object.metadata)}`]);
  const name = typeof metadata.name === 'string' && NAME.test(metadata.name) ? metadata.name : '';
  if (name === '' && isMap(object.metadata)) problems.push([['metadata', 'name'], nameProblem(metadata.name)]);
  const declaredNamespace = metadata.namespace ?? place.ownNamespace;
  const namespace = typeof declaredNamespace === 'string' && NAMESPACE.test(declaredNamespace) ? declaredNamespace : undefined;
  if (row.namespaced && namespace === undefined) {
    problems.push([['metadata', 'namespace'], nameProblem(metadata.namespace)]);
    // Whose it was meant to be is not known, so it cannot count as anybody's own.
    return {
      declared: [],
      diagnostics: problems.map(([path, text]) => diagnostic(place, 'error', path, 'CONFIG_INVALID', text, kind)),
      broken: true,
    };
  }
  if (row.exempts === true && metadata.namespace !== undefined) {
    problems.push([['metadata', 'namespace'], `${kind} is for the whole cluster; expected no namespace, which would not narrow it`]);
  }
  const declared: Declared = {
    role: row.role,
    kind,
    apiVersion,
    namespace: row.namespaced ? namespace : undefined,
    name,
    object,
    origin: place.origin,
    broken: problems.length > 0,
  };
  const label = objectName(declared);
  return {
    declared: [declared],
    diagnostics: [
      ...problems.map(([path, text]) => diagnostic(place, 'error', path, 'CONFIG_INVALID', text, label)),
      ...hints(declared, metadata).map(([severity, path, text]) => diagnostic(place, severity, path, 'CONFIG_HINT', text, label)),
    ],
    broken: name === '',
  };
}

function hints(declared: Declared, metadata: Readonly<Record<string, unknown>>): [Diagnostic['severity'], ObjectPath, string][] {
  const found: [Diagnostic['severity'], ObjectPath, string][] = [];
  const [stored, ...others] = OBJECT_KINDS.find(({ kind }) => kind === declared.kind)?.versions ?? [];
  const version = declared.apiVersion.split('/').at(-1) ?? '';
  if (others.includes(version)) {
    found.push(['note', ['apiVersion'], `${version} of the ${declared.kind} API has been deprecated; please migrate to ${stored}`]);
  }
  if (declared.kind === 'CertificateStore') {
    found.push(['note', ['kind'], 'CertificateStore is deprecated; KeyManagementProvider holds the same certificates']);
  }
  if (declared.namespace === undefined && metadata.namespace !== undefined && !declared.broken) {
    const ofNamespaces = OBJECT_KINDS.find(({ kind }) => kind === `Namespaced${declared.kind}`);
    const instead = ofNamespaces === undefined ? '' : `; ${ofNamespaces.kind} is for one`;
    found.push(['warning', ['metadata', 'namespace'], `${declared.kind} is for the whole cluster, its namespace has no effect${instead}`]);
  }
  return found;
}

/**
 * The object of a document whose YAML is broken, as far as it can be told: it counts as declared, so that nobody falls back
 * to something weaker because of a slip of the pen, and it cannot apply.
 */
export function readBroken(value: unknown, place: Place): readonly Declared[] {
  if (!isMap(value)) return [];
  try {
    return readObject(value, place, []).declared.map((declared) => ({ ...declared, broken: true }));
  } catch {
    return [];
  }
}

function unusable(place: Place, path: ObjectPath, message: string): Reading {
  return { declared: [], diagnostics: [diagnostic(place, 'error', path, 'CONFIG_INVALID', message)], broken: true };
}

function diagnostic(
  place: Place,
  severity: Diagnostic['severity'],
  path: ObjectPath,
  code: string,
  message: string,
  object?: string,
): Diagnostic {
  const line = place.origin.line(path);
  return {
    severity,
    file: place.origin.file,
    ...(line === undefined ? {} : { line }),
    ...(object === undefined ? {} : { object }),
    path: pathText(path),
    code,
    message,
  };
}

function join(readings: readonly Reading[]): Reading {
  return {
    declared: readings.flatMap((reading) => reading.declared),
    diagnostics: readings.flatMap((reading) => reading.diagnostics),
    broken: readings.some((reading) => reading.broken),
  };
}

function nameProblem(found: unknown): string {
  const shown = typeof found === 'string' ? quoted(found) : kindOf(found);
  return `expected lower-case letters, digits, - and . between them, found ${shown}`;
}

export function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isShallow(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return levels > 0 && Object.values(value).every((item) => isShallow(item, levels - 1));
}
