import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, normalize, relative } from 'node:path';
import { describe, expect, it } from '@jest/globals';

/** What a folder of `src` may import: folders or single files of `src`, and packages. */
interface Door {
  readonly from: readonly string[];
  readonly packages?: Readonly<Record<string, 'anywhere' | readonly string[]>>;
}

const VALUE_TYPES = ['oci/descriptor.ts', 'oci/digest.ts', 'oci/reference.ts'];
const BELOW_LAYER_3 = ['engine', 'notation', 'simplesigning', 'oci', 'x509', 'cloud', 'lib'];
const ADAPTER: Door = { from: BELOW_LAYER_3, packages: { zod: 'anywhere' } };
const LAYER_3 = ['verifiers', 'stores', 'keys', 'credentials', 'enforcers', 'rules', 'attestations'];

/** docs/architecture.md, "Who may import whom". A package with a list of files has its door in those files alone. */
const HOUSE: Readonly<Record<string, Door>> = {
  lib: { from: [], packages: { 'lru-cache': 'anywhere', pino: 'anywhere', undici: ['lib/http.ts', 'lib/http-exchange.ts'] } },
  oci: { from: ['lib'] },
  x509: { from: ['lib'], packages: { '@peculiar/x509': 'anywhere', 'reflect-metadata': 'anywhere', pkijs: 'anywhere' } },
  notation: { from: ['x509', ...VALUE_TYPES, 'lib'] },
  simplesigning: { from: ['x509', ...VALUE_TYPES, 'lib'], packages: { openpgp: 'anywhere' } },
  engine: { from: [...VALUE_TYPES, 'lib'], packages: { zod: ['engine/kinds.ts'] } },
  cloud: { from: ['lib'], packages: { zod: ['cloud/alibaba-parameters.ts'] } },
  verifiers: ADAPTER,
  stores: ADAPTER,
  keys: ADAPTER,
  credentials: ADAPTER,
  enforcers: ADAPTER,
  rules: ADAPTER,
  attestations: ADAPTER,
  config: { from: ['engine', 'lib'], packages: { zod: 'anywhere', yaml: 'anywhere' } },
  kube: {
    from: ['config', 'engine', ...VALUE_TYPES, 'oci/errors.ts', 'lib'],
    packages: { '@kubernetes/client-node': ['kube/client.ts', 'kube/connection.ts'] },
  },
  server: {
    from: ['config', 'engine', ...VALUE_TYPES, 'oci/errors.ts', 'lib'],
    packages: { express: ['server/app.ts'], '@prometheus-io/client': ['server/metrics.ts'] },
  },
  audit: { from: ['config', 'engine', ...VALUE_TYPES, 'oci/errors.ts', 'lib'] },
  cli: { from: ['cli', 'server', 'kube', 'audit', 'config', ...LAYER_3, ...BELOW_LAYER_3], packages: { commander: 'anywhere' } },
  'main.ts': { from: ['cli', 'lib'], packages: { commander: 'anywhere' } },
};
/** Files that may import more than their folder. */
const EXTRA: Readonly<Record<string, readonly string[]>> = { 'config/kinds.ts': LAYER_3, 'config/schema/families.ts': ['rules'] };

const IMPORT = /(?:\bfrom\s*|\bimport\s*\(?\s*)['"]([^'"\n$]+)['"]/g;

function violations(file: string, source: string): string[] {
  const folder = file.includes('/') ? file.slice(0, file.indexOf('/')) : file;
  const door = HOUSE[folder];
  if (door === undefined) return [`src/${folder} is not a room of the house; add it to test/architecture.test.ts with what it may import`];
  return [...source.matchAll(IMPORT)].flatMap(([, specifier = '']) =>
    specifier.startsWith('.') ? internalViolation(file, folder, door, specifier) : packageViolation(file, door, specifier),
  );
}

function internalViolation(file: string, folder: string, door: Door, specifier: string): string[] {
  const target = normalize(join(dirname(file), specifier));
  if (target.startsWith('..')) return target === '../package.json' ? [] : [`src/${file} imports ${specifier} from outside src`];
  const room = target.includes('/') ? target.slice(0, target.indexOf('/')) : target;
  const allowed = [folder, ...door.from, ...(EXTRA[file] ?? [])];
  // Siblings in layer 3 do not know each other, and main.ts is a room of one file.
  return allowed.includes(room) || allowed.includes(target) ? [] : [`src/${file} may not import src/${target}`];
}

function packageViolation(file: string, door: Door, specifier: string): string[] {
  if (specifier.startsWith('node:')) return [];
  const name = specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
  if (builtinModules.includes(name)) return [`src/${file} imports ${name} without node:`];
  const where = door.packages?.[name];
  return where === 'anywhere' || where?.includes(file) ? [] : [`src/${file} is not the door of the package ${name}`];
}

const SRC = join(import.meta.dirname, '../src');
const files = readdirSync(SRC, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
  .map((entry) => relative(SRC, join(entry.parentPath, entry.name)))
  .sort();

describe('the house', () => {
  it('has no import that goes up, across or through another door', () => {
    expect(files.length).toBeGreaterThan(0);
    expect(files.flatMap((file) => violations(file, readFileSync(join(SRC, file), 'utf8')))).toEqual([]);
  });

  it.each([
    ['engine/validate.ts', "import { verify } from '../notation/verify.ts';", 'may not import src/notation/verify.ts'],
    ['lib/cache.ts', "import { parseReference } from '../oci/reference.ts';", 'may not import src/oci/reference.ts'],
    ['stores/registry.ts', "import { inline } from '../keys/inline.ts';", 'may not import src/keys/inline.ts'],
    ['config/build.ts', "import { notation } from '../verifiers/notation.ts';", 'may not import src/verifiers/notation.ts'],
    ['notation/verify.ts', "export { get } from '../oci/client.ts';", 'may not import src/oci/client.ts'],
    ['oci/client.ts', "import { Pool } from 'undici';", 'is not the door of the package undici'],
    ['cli/serve.ts', "const express = await import('express');", 'is not the door of the package express'],
    ['config/kinds.ts', "import { KubeConfig } from '@kubernetes/client-node';", 'is not the door of the package @kubernetes/client-node'],
    ['keys/secret.ts', "import { createKubeClient } from '../kube/client.ts';", 'may not import src/kube/client.ts'],
    ['x509/der.ts', "import 'lodash';", 'is not the door of the package lodash'],
    ['lib/log.ts', "import fs from 'fs';", 'without node:'],
    ['utils/text.ts', '', 'is not a room of the house'],
  ])('names a violation planted in %s', (file, source, message) => {
    expect(violations(file, source)).toEqual([expect.stringContaining(message)]);
  });

  it('keeps no state at module level', () => {
    // An empty collection is there to be filled; one made with its content may still be typed as one that can change.
    const stateful =
      /^(?:export )?(?:let|var) |^(?:export )?const \w+ = new (?:Map|Set)\b|^(?:export )?const .*= new (?:WeakMap|WeakSet|(?:Map|Set)(?:<[^=]*>)?\(\))/m;
    expect(files.filter((file) => stateful.test(readFileSync(join(SRC, file), 'utf8')))).toEqual([]);
  });

  it('loads what follows a cluster only when a cluster is followed', () => {
    const loading = /^import (?!type\b)[^;]*from '[^']*\/kube\/[^']*'/m;
    const eager = files.filter((file) => !file.startsWith('kube/') && loading.test(readFileSync(join(SRC, file), 'utf8')));
    expect(eager).toEqual([]);
  });

  it('loads OpenPGP only where such a key is declared', () => {
    const loading = /^import (?!type\b)[^;]*from 'openpgp'/m;
    expect(files.filter((file) => loading.test(readFileSync(join(SRC, file), 'utf8')))).toEqual([]);
  });

  it('leaves the process only through main.ts', () => {
    expect(files.filter((file) => file !== 'main.ts' && /process\.exit\(/.test(readFileSync(join(SRC, file), 'utf8')))).toEqual([]);
  });
});
