/** Builds the rig's tools: `node test/rig/build.ts [NAME…]`, or `ensureTools` from a test. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { constants, homedir, setPriority } from 'node:os';
import { join } from 'node:path';
import { isNativeError } from 'node:util/types';
import { withLock } from './lock.ts';
import { flagsOf, isToolName, moduleOf, packageOf, RIG_TOOLS, type ToolName } from './tools.ts';

export { RIG_TOOLS, type ToolName };

const ENVIRONMENT = { CGO_ENABLED: '0', GOWORK: 'off' };
const STILL_BUILDING_MS = 30_000;
const LINES_OF_A_FAILURE = 20;

export function goAvailable(): boolean {
  return spawnSync('go', ['version'], { stdio: 'ignore' }).status === 0;
}

/** Paths of the named tools; those that are missing are built one after the other into a cache outside the tree. */
export async function ensureTools<N extends ToolName>(
  names: readonly N[],
  onProgress: (line: string) => void = () => undefined,
): Promise<Record<N, string>> {
  const paths: Partial<Record<N, string>> = {};
  for (const name of names) paths[name] = await ensureTool(name, onProgress);
  return paths as Record<N, string>;
}

async function ensureTool(name: ToolName, onProgress: (line: string) => void): Promise<string> {
  const source = moduleOf(name);
  const folder = join(cacheFolder(), `${name}-${fingerprint(source, name)}`);
  const binary = join(folder, name);
  if (existsSync(binary)) return binary;
  await mkdir(folder, { recursive: true });
  const sayWaiting = () => onProgress(`${name}: waiting for another process that builds it`);
  await withLock(join(folder, 'lock'), sayWaiting, async () => {
    if (!existsSync(binary)) await build(name, source, binary, onProgress);
  });
  return binary;
}

function cacheFolder(): string {
  const own = process.env.COUNTERSIGN_RIG_CACHE || join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'countersign');
  return join(own, 'rig');
}

function fingerprint(source: string, name: ToolName): string {
  const hash = createHash('sha256');
  for (const file of readdirSync(source).filter(isBuilt).sort()) hash.update(readFileSync(join(source, file))).update('\0');
  hash.update(JSON.stringify([packageOf(name), flagsOf(name), ENVIRONMENT]));
  hash.update(execFileSync('go', ['version'], { cwd: source }));
  return hash.digest('hex').slice(0, 16);
}

function isBuilt(file: string): boolean {
  return file === 'go.mod' || file === 'go.sum' || (file.endsWith('.go') && !file.endsWith('_test.go'));
}

async function build(name: ToolName, source: string, binary: string, onProgress: (line: string) => void): Promise<void> {
  const started = performance.now();
  const seconds = () => `${((performance.now() - started) / 1000).toFixed(0)} s`;
  const unfinished = `${binary}.${process.pid}`;
  onProgress(`${name}: building`);
  const reminder = setInterval(() => onProgress(`${name}: still building, ${seconds()}`), STILL_BUILDING_MS);
  try {
    await runGo(['build', ...flagsOf(name), '-o', unfinished, packageOf(name)], source);
    await rename(unfinished, binary);
  } catch (error) {
    throw new Error(`cannot build ${name}: ${isNativeError(error) ? error.message : String(error)}`, { cause: error });
  } finally {
    clearInterval(reminder);
    await rm(unfinished, { force: true });
  }
  onProgress(`${name}: built in ${seconds()}`);
}

function runGo(args: readonly string[], cwd: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('go', args, { cwd, env: { ...process.env, ...ENVIRONMENT }, stdio: ['ignore', 'ignore', 'pipe'] });
    yieldToOthers(child.pid);
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      said += chunk;
    });
    child.on('error', reject).on('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`go ${args[0]} ended with ${code}:\n${said.trimEnd().split('\n').slice(-LINES_OF_A_FAILURE).join('\n')}`));
    });
  });
}

function yieldToOthers(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    setPriority(pid, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // A build at full priority is a build too.
  }
}

if (import.meta.main) {
  const unknown = process.argv.slice(2).filter((name) => !isToolName(name));
  if (unknown.length > 0) throw new Error(`no such tool: ${unknown.join(', ')}; there are ${RIG_TOOLS.join(', ')}`);
  const asked = process.argv.slice(2).filter(isToolName);
  const paths = await ensureTools(asked.length > 0 ? asked : RIG_TOOLS, console.log);
  for (const [name, path] of Object.entries(paths)) console.log(`${name}: ${path}`);
}
