/**
 * The whole test run: `npm test`, or `npm test -- PATTERN` for a part.
 *
 * Types, lint and dead code are checked and the suites that need only Node run while the tools that the other suites name are built from
 * their pinned Go modules; then those run, one after the other. Ends with `N passed, N failed, N skipped`.
 */
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureTools, goAvailable } from './rig/build.ts';
import { toolsOfSuites } from './rig/tools.ts';

interface Tally {
  passed: number;
  failed: number;
  skipped: number;
}

const JEST = ['--experimental-vm-modules', 'node_modules/jest/bin/jest.js'];
const NEEDS_RIG = '(/test/rig/|\\.rig\\.test\\.ts$)';
/** A wait of the rig gives up sooner, and says for what. */
const RIG_TEST_WITHIN_MS = 300_000;
const CHECKS: readonly (readonly [name: string, ...command: string[]])[] = [
  ['types', 'node_modules/typescript/bin/tsc', '--noEmit'],
  ['lint and format', 'node_modules/@biomejs/biome/bin/biome', 'ci', '--diagnostic-level=warn', '.'],
  ['dead code', 'node_modules/knip/bin/knip.js'],
];

const argv = process.argv.slice(2);
const checksOnly = argv.includes('--checks-only');
const patterns = argv.filter((argument) => !argument.startsWith('--'));
const total: Tally = { passed: 0, failed: 0, skipped: 0 };
const skippedSuites: string[] = [];

console.log(`node ${process.version}`);
const rigSuites = checksOnly ? [] : await listRigSuites();
const tools = toolsOfSuites(rigSuites.map((suite) => readFileSync(suite, 'utf8')));
const building = goAvailable() ? ensureTools(tools, (line) => console.log(`rig: ${line}`)) : undefined;
// Awaited below; a failure before that must not end the process early.
building?.catch(() => undefined);

if (patterns.length === 0) for (const [name, ...command] of CHECKS) await check(name, command);
if (!checksOnly) {
  add(await jest(['--testPathIgnorePatterns', NEEDS_RIG]));
  await runRigSuites();
}
for (const suite of skippedSuites) console.log(`skipped, no Go toolchain: ${suite}`);
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed > 0 || (process.env.CI === 'true' && total.skipped > 0) ? 1 : 0;

async function check(name: string, command: readonly string[]): Promise<void> {
  const started = performance.now();
  const code = await run(command);
  console.log(`${code === 0 ? 'ok' : 'FAILED'}: ${name} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
  add({ passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 });
}

async function runRigSuites(): Promise<void> {
  if (rigSuites.length === 0) return;
  if (building === undefined) {
    skippedSuites.push(...rigSuites);
    add({ passed: 0, failed: 0, skipped: rigSuites.length });
    return;
  }
  try {
    await building;
  } catch (error) {
    console.error(`rig: ${String(error)}`);
    add({ passed: 0, failed: 1, skipped: 0 });
    return;
  }
  const logs = mkdtempSync(join(tmpdir(), 'countersign-rig-logs-'));
  process.env.COUNTERSIGN_RIG_LOGS = logs;
  const tally = await jest(['--runInBand', `--testTimeout=${RIG_TEST_WITHIN_MS}`, '--runTestsByPath', ...rigSuites], []);
  if (tally.failed === 0) rmSync(logs, { recursive: true, force: true });
  else console.log(`rig: what its processes wrote is in ${logs}`);
  add(tally);
}

async function listRigSuites(): Promise<string[]> {
  const lines: string[] = [];
  await run([...JEST, '--listTests', ...patternArguments()], (line) => lines.push(line));
  return lines.filter((line) => new RegExp(NEEDS_RIG).test(line));
}

// Jest matches whole paths, and the folder of the checkout may well be called what somebody looks for in it.
function patternArguments(): string[] {
  const checkout = process.cwd().replace(/[^\w/]/g, '\\$&');
  return patterns.length === 0 ? [] : ['--testPathPatterns', ...patterns.map((pattern) => `^${checkout}/.*(?:${pattern})`)];
}

async function jest(extra: readonly string[], selection = patternArguments()): Promise<Tally> {
  const dir = mkdtempSync(join(tmpdir(), 'countersign-test-'));
  // What a suite starts as another user finds its way through, as through any folder of temporary files.
  chmodSync(dir, 0o711);
  const outputFile = join(dir, 'result.json');
  try {
    // What suites put into the folder of temporary files goes with this one; what Jest knows of the sources stays.
    const cache = `--cacheDirectory=${join(tmpdir(), 'countersign-jest')}`;
    const options = ['--passWithNoTests', '--json', `--outputFile=${outputFile}`, cache, ...selection, ...extra];
    const code = await run([...JEST, ...options], () => undefined, { ...process.env, TMPDIR: dir });
    const result = JSON.parse(readFileSync(outputFile, 'utf8')) as Record<string, number>;
    const suiteErrors = result.numRuntimeErrorTestSuites ?? 0;
    const failed = (result.numFailedTests ?? 0) + suiteErrors;
    return {
      passed: result.numPassedTests ?? 0,
      failed: code !== 0 && failed === 0 ? 1 : failed,
      skipped: (result.numPendingTests ?? 0) + (result.numTodoTests ?? 0),
    };
  } finally {
    rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
  }
}

function add(tally: Tally): void {
  total.passed += tally.passed;
  total.failed += tally.failed;
  total.skipped += tally.skipped;
}

/** Runs a script on this Node; standard output goes to `onLine` when given, else to the terminal. */
function run(command: readonly string[], onLine?: (line: string) => void, env: NodeJS.ProcessEnv = process.env): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, command, { env, stdio: ['ignore', onLine ? 'pipe' : 'inherit', 'inherit'] });
    let rest = '';
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) onLine?.(line);
    });
    child.on('error', reject).on('close', (code) => resolve(code ?? 1));
  });
}
