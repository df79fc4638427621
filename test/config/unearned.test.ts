import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { type BuildDeps, buildSnapshot } from '../../src/config/build.ts';
import { Engines } from '../../src/config/engines.ts';
import { loadFiles } from '../../src/config/files.ts';
import { kinds } from '../../src/config/kinds.ts';
import type { Snapshot } from '../../src/engine/types.ts';
import { validate } from '../../src/engine/validate.ts';
import { parseVerifyKey } from '../../src/server/key.ts';
import { NOW, ports } from '../engine/world.ts';
import { policy as attestationPolicy, authority } from '../rules/kritis-world.ts';
import { deps, folder, object, verifier } from './world.ts';

const OWN = 'countersign.dev/v1alpha1';
const IMAGE = `phx.ocir.io/tenancy/app@sha256:${'a'.repeat(64)}`;
/** Lets every image of its registries run that is named by digest, and reads nothing. */
const VERIFIES_NOTHING = object('ImageVerificationPolicy', 'p', { keys: [] }, OWN);
const FULL = { images: ['phx.ocir.io/**'], reason: 'r', ticket: 't', owner: 'o', expires: '2999-01-01T00:00:00Z' };
const exception = (spec: Readonly<Record<string, unknown>> = {}) => object('Exception', 'e', { ...FULL, ...spec }, OWN);
const BROKEN_VERIFIER = verifier('team/v', { artifactTypes: 7 });
const SIGNED_ONLY = `${authority()}${attestationPolicy()}`;
const NOT_YAML = '---\n\tkind: GenericAttestationPolicy\n';

async function askOf(snapshot: Snapshot, key: string): Promise<string> {
  const parsed = parseVerifyKey(key, 1024);
  if ('error' in parsed) throw new Error(parsed.error);
  const { outcome, reason } = await validate(snapshot.for(parsed.request.namespace), parsed.request, ports({ now: NOW }));
  return `${outcome} ${reason.code}`;
}

async function ask(declared: string, key: string, over: Partial<BuildDeps> = {}): Promise<string> {
  const { resources } = await loadFiles(await folder({ 'all.yaml': declared }));
  const { snapshot } = await buildSnapshot(resources, kinds, { ...deps, ...over });
  return askOf(snapshot, key);
}

/** What becomes of `key` after each state of the one file. */
async function through(key: string, ...states: readonly (string | Uint8Array)[]): Promise<readonly string[]> {
  const path = await folder({});
  const engines = new Engines(kinds, deps);
  const found: string[] = [];
  for (const state of states) {
    await writeFile(join(path, 'all.yaml'), state);
    await engines.apply(await loadFiles(path));
    found.push(await askOf(engines.current(), key));
  }
  return found;
}

describe('a broken Verifier of a namespace, beside other families', () => {
  it('counts there though nothing else of the namespace differs from the cluster', async () => {
    const declared = `${VERIFIES_NOTHING}${BROKEN_VERIFIER}`;
    const over = { uncovered: 'accept' } as const;
    expect(await ask(declared, `[team]${IMAGE}`, over)).toBe('misconfigured NO_STORE');
    expect(await ask(declared, `[other]${IMAGE}`, over)).toBe('accepted VERIFIES_NOTHING');
  });

  it('has verdicts of its own', async () => {
    const { resources } = await loadFiles(await folder({ 'all.yaml': `${VERIFIES_NOTHING}${BROKEN_VERIFIER}` }));
    const { snapshot } = await buildSnapshot(resources, kinds, { ...deps, uncovered: 'accept' });
    expect(snapshot.for('team').revision).not.toBe(snapshot.for('other').revision);
  });
});

describe('an Exception alone', () => {
  it.each(['accept', 'refuse', undefined] as const)('decides nothing, with uncovered: %s', async (uncovered) => {
    const over = uncovered === undefined ? {} : { uncovered };
    expect(await ask(exception(), 'elsewhere.test/app:1', over)).toBe('misconfigured NO_STORE');
    expect(await ask(exception(), IMAGE, over)).toBe('misconfigured NO_STORE');
  });
});

describe('an Exception that an edit broke', () => {
  const DECLARED = object('ImageSigningRule', 'r', { registries: ['phx.ocir.io'] }, OWN);

  it.each<[string, string]>([
    ['lacks its owner', exception({ owner: undefined })],
    ['has a time that is none', exception({ expires: 'tomorrow' })],
    ['has a pattern that is none', exception({ images: ['phx.ocir.io/**/app'] })],
    ['has a field that nobody knows', exception({ namespace: ['team'] })],
    ['is not YAML any more', '---\napiVersion: countersign.dev/v1alpha1\nkind: Exception\nmetadata: { name: e }\nspec: [\n'],
  ])('is not honoured where it %s', async (_, broken) => {
    const [before, after] = await through(IMAGE, `${DECLARED}${exception()}`, `${DECLARED}${broken}`);
    expect([before, after]).toEqual(['accepted EXCEPTION', 'misconfigured CONFIG_INVALID']);
  });

  it('is not honoured where its file cannot be read to the end', async () => {
    const broken = `${DECLARED}---\n\t{`;
    expect(await through(IMAGE, `${DECLARED}${exception()}`, broken)).toEqual(['accepted EXCEPTION', 'misconfigured CONFIG_INVALID']);
  });

  it('is honoured again when it is mended', async () => {
    const states = [exception(), exception({ owner: 7 }), exception()].map((text) => `${DECLARED}${text}`);
    expect((await through(IMAGE, ...states)).at(-1)).toBe('accepted EXCEPTION');
  });
});

describe('an Exception with a field that nobody knows', () => {
  it.each([{ namespace: ['team'] }, { rule: ['kritis'] }, { expire: '2026-01-01T00:00:00Z' }])('is not honoured: %j', async (slip) => {
    expect(await ask(`${VERIFIES_NOTHING}${exception(slip)}`, IMAGE)).toBe('accepted VERIFIES_NOTHING');
  });
});

describe('a namespace in the metadata of what only lets images run', () => {
  const allowlist = (name: string) =>
    object('AdmissionAllowlist', name, { patterns: [{ namePattern: 'phx.ocir.io/tenancy/*' }] }, 'kritis.grafeas.io/v1beta1');
  const excepted = (name: string) => object('Exception', name, FULL, OWN);

  it.each<[string, (name: string) => string, string, string]>([
    ['an Exception', excepted, 'accepted EXCEPTION', 'accepted VERIFIES_NOTHING'],
    ['an AdmissionAllowlist', allowlist, 'accepted ALLOWLISTED', 'misconfigured NO_STORE'],
  ])('is an error of %s: it narrows nothing', async (_, declare, honoured, otherwise) => {
    const declared = declare === excepted ? VERIFIES_NOTHING : SIGNED_ONLY;
    const key = `[default]${IMAGE}`;
    expect(await ask(`${declared}${declare('e')}`, key)).toBe(honoured);
    expect(await ask(`${declared}${declare('team/e')}`, key)).toBe(otherwise);
  });
});

describe('a file of which a part cannot be read', () => {
  it('may have been about an image that no policy covers', async () => {
    const declared = `${authority()}${NOT_YAML}`;
    expect(await ask(declared, `[default]${IMAGE}`)).toBe('misconfigured CONFIG_INVALID');
    expect(await through(`[default]${IMAGE}`, declared)).toEqual(['misconfigured CONFIG_INVALID']);
  });

  it('takes nothing from what is covered', async () => {
    expect(await ask(`${VERIFIES_NOTHING}${NOT_YAML}`, IMAGE)).toBe('accepted VERIFIES_NOTHING');
  });

  it('is let pass where uncovered: accept says so in so many words', async () => {
    expect(await ask(`${authority()}${NOT_YAML}`, `[default]${IMAGE}`, { uncovered: 'accept' })).toBe('accepted NOT_COVERED');
  });

  it('changes nothing where it was read whole before: what it declared stays in force', async () => {
    const states = [SIGNED_ONLY, `${authority()}${NOT_YAML}`];
    const [before, after] = await through(`[default]${IMAGE}`, ...states);
    expect(after).toBe(before);
    expect(await through(`[other]${IMAGE}`, ...states)).toEqual(['accepted NOT_COVERED', 'accepted NOT_COVERED']);
  });
});
