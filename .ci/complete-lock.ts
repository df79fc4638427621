/**
 * Completes a package-lock.json that was written against a registry mirror which serves this platform's binaries only: `npm install` leaves
 * the others out, and `npm ci` then calls the lock out of sync. Adds an entry for each, by name and version, for its own platform.
 *
 * Usage, from the repository root: `.ci/node/run .ci/complete-lock.ts package-lock.json .ci/node/package-lock.json`
 */
import { readFileSync, writeFileSync } from 'node:fs';

interface Entry {
  version?: string;
  dev?: boolean;
  optional?: boolean;
  os?: string[];
  cpu?: string[];
  libc?: string[];
  optionalDependencies?: Record<string, string>;
}

const SYSTEMS = ['android', 'darwin', 'freebsd', 'linux', 'openharmony', 'openbsd', 'netbsd', 'sunos', 'aix', 'win32', 'wasm32'];
const PROCESSORS = ['arm64', 'arm', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'x64', 'wasm32'];
const EXACT = /^\d+\.\d+\.\d+(?:-[\w.]+)?$/;

for (const file of process.argv.slice(2)) {
  const lock = JSON.parse(readFileSync(file, 'utf8')) as { packages: Record<string, Entry> };
  const missing = Object.values(lock.packages).flatMap((entry) =>
    Object.entries(entry.optionalDependencies ?? {})
      .filter(([name]) => lock.packages[`node_modules/${name}`] === undefined)
      .map(([name, version]) => [name, entryOf(name, version, entry.dev === true)] as const),
  );
  for (const [name, entry] of missing) lock.packages[`node_modules/${name}`] = entry;
  lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
  writeFileSync(file, `${JSON.stringify(lock, undefined, 2)}\n`);
  console.log(`${file}: ${missing.length} added`);
}

function entryOf(name: string, version: string, dev: boolean): Entry {
  const words = name.split(/[-/@]/);
  const os = SYSTEMS.filter((system) => words.includes(system));
  const cpu = PROCESSORS.filter((processor) =>
    words.some((word) => word === processor || (processor === 'arm' && word.startsWith('arm-'))),
  );
  if (!EXACT.test(version) || os.length !== 1) throw new Error(`cannot tell the platform or the version of ${name}@${version}`);
  const libc = words.some((word) => word.startsWith('musl'))
    ? ['musl']
    : words.some((word) => word.startsWith('gnu'))
      ? ['glibc']
      : undefined;
  return { version, ...(cpu.length > 0 ? { cpu } : {}), ...(dev ? { dev } : {}), ...(libc ? { libc } : {}), optional: true, os };
}
