/**
 * Reads a revocation list over HTTP and checks it as the provider does, in a process that does nothing else, and prints what that took as JSON:
 * `list-reader.ts HOST NAME`.
 */
import { readFileSync } from 'node:fs';
import { createRevocationNetwork } from '../src/lib/revocation-network.ts';
import { crlStatus } from '../src/notation/crl-status.ts';
import { parseCertificate } from '../src/x509/certificate.ts';
import { serialOfMany } from '../test/revocation-answers.ts';
import type { ListFigures } from './lists.ts';
import { median } from './statistics.ts';

const LOOKUPS = 2_000;
const BATCHES = 9;
const [host = '', name = ''] = process.argv.slice(2);
const network = createRevocationNetwork({ allowedHosts: [host] });
const { signal } = new AbortController();
const issuer = parseCertificate(await network.fetchCrl(`http://${host}/issuer`, signal));
const crlUrls = [`http://${host}/${name}`];
const ask = (serialNumber: string) =>
  crlStatus({
    certificate: { ...issuer, serialNumber, crlUrls },
    issuer,
    authenticSigningTime: undefined,
    now: new Date(),
    noted: false,
    port: network,
    signal,
  });

/** CPU microseconds of this thread, so that a turn in which another process ran is not taken for a long one. */
function threadMicroseconds(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}

let longest = 0;
let turns = 0;
let last = threadMicroseconds();
let watching = true;
const turn = (): void => {
  const now = threadMicroseconds();
  longest = Math.max(longest, now - last);
  last = now;
  turns += 1;
  if (watching) setImmediate(turn);
};
setImmediate(turn);
const residentBefore = process.memoryUsage.rss();
const cpuBefore = process.cpuUsage();
const started = performance.now();
const { status } = await ask('01');
const totalMs = performance.now() - started;
const cpu = process.cpuUsage(cpuBefore);
watching = false;
if (status !== 'good') throw new Error(`expected the list to be believed, got ${status}`);

const batches: number[] = [];
for (let batch = 0; batch < BATCHES; batch++) {
  const before = threadMicroseconds();
  for (let n = 0; n < LOOKUPS; n++) {
    const listed = n % 2 === 0;
    const found = await ask(listed ? serialOfMany(n * 37) : serialOfMany(2 ** 31 + n));
    if ((found.status === 'revoked') !== listed) throw new Error(`serial number ${n} was found ${found.status}`);
  }
  batches.push((threadMicroseconds() - before) / LOOKUPS);
}
const figures: ListFigures = {
  longestTurnMs: longest / 1000,
  turns,
  totalMs,
  cpuMs: (cpu.user + cpu.system) / 1000,
  residentMiB: (process.memoryUsage.rss() - residentBefore) / 2 ** 20,
  peakMiB: Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1024,
  lookupMicroseconds: median(batches),
};
await network.close();
console.log(JSON.stringify(figures));
