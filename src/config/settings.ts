import { open, readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import type { RegistrySettings } from '../engine/kinds.ts';
import { CodedError, errorText } from '../lib/errors.ts';
import { issueMessage } from './schema/check.ts';
import { unknownKeys } from './schema/unknown-keys.ts';

/** webhook timeout > Provider timeout > our own deadline, in milliseconds. */
export interface Timeouts {
  readonly webhookMs: number;
  readonly providerMs: number;
  readonly deadlineMs: number;
}

/** Everything that is set and is no declared object; every field has a default. */
export interface Settings {
  /** Namespace of file objects that name none, and of bare CertificateStore names. */
  readonly ownNamespace: string;
  readonly validating: Timeouts;
  readonly mutating: Timeouts;
  readonly request: { readonly maxBodyBytes: number; readonly maxKeys: number; readonly maxKeyBytes: number };
  readonly caches: { readonly factsBytes: number; readonly verdictsBytes: number };
  /** How long a verdict is kept, and how long a tag and a list of referrers are believed. */
  readonly verdictTtl: { readonly acceptedMs: number; readonly refusedMs: number };
  readonly freshnessMs: number;
  /** Hosts of responders and lists that may be at private addresses, and bytes of their answers that are kept. */
  readonly revocation: { readonly allowedHosts: readonly string[]; readonly maxBytes: number };
  readonly concurrency: { readonly perRegistry: number; readonly total: number };
  readonly registries: ReadonlyMap<string, RegistryOptions>;
  /** Whether the cluster's objects must accept too where a namespace has its own. */
  readonly tenancy: { readonly floor: boolean };
  /** How long key material is used that cannot be fetched again. */
  readonly keys: { readonly maxStaleMs: number };
  /** How long the cluster may be silent before requests are better sent elsewhere; undefined: for ever. */
  readonly cluster: { readonly unreadyAfterMs: number | undefined };
  /** The serving certificate that is made and renewed here; undefined: it comes out of files. */
  readonly servingCertificate: ServingCertificateSettings | undefined;
  /** What is answered for an image that no rule covers; undefined: what the families that are declared say. */
  readonly uncovered: 'accept' | 'refuse' | undefined;
  /** What is set of the families beside Ratify's, by their names; each has a schema of its own. */
  readonly families: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** What in the file has no effect. */
  readonly warnings: readonly string[];
}

export interface ServingCertificateSettings {
  /** Secret in our own namespace that replicas share. */
  readonly secret: string;
  readonly hosts: readonly string[];
  /** Gatekeeper's Provider objects whose `caBundle` is kept. */
  readonly providers: readonly string[];
  readonly days: number;
}

export interface RegistryOptions {
  /** PEM of additional roots. */
  readonly ca: string | undefined;
  readonly tokenServers: readonly string[];
}

/** A settings file that cannot be used; nothing of it is applied. */
export class SettingsError extends CodedError {
  readonly code = 'SETTINGS_INVALID';
}

const MAX_FILE_BYTES = 1024 * 1024;
const HOST = /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[1-9][0-9]{0,4})?$/;
const MIB = 1024 * 1024;
/** RFC 1123, as the API server wants names. */
const NAME = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/;
/** A DNS name or an IPv4 address. */
const DNS_NAME = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/;

const count = (fallback: number, max: number) => z.int().min(1).max(max).default(fallback);

/** The file's shape; docs/configuration.md documents each field. */
const settingsFile = z.object({
  ownNamespace: z
    .string()
    .regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/)
    .default('gatekeeper-system'),
  /** Timeout of the validating webhook in seconds; every other deadline follows from it. */
  webhookTimeoutSeconds: z.int().min(3).max(30).default(3),
  request: z
    .object({ maxBodyBytes: count(4 * MIB, 64 * MIB), maxKeys: count(10_000, 100_000), maxKeyBytes: count(1024, 65_536) })
    .prefault({}),
  caches: z.object({ factsMiB: count(64, 16_384), verdictsMiB: count(16, 16_384) }).prefault({}),
  verdicts: z
    .object({ acceptedSeconds: z.int().min(0).max(180).default(60), refusedSeconds: z.int().min(0).max(5).default(5) })
    .prefault({}),
  freshnessSeconds: z.int().min(0).max(300).default(10),
  revocation: z.object({ allowedHosts: z.array(z.string().regex(HOST)).max(64).default([]), cacheMiB: count(64, 16_384) }).prefault({}),
  concurrency: z.object({ perRegistry: count(8, 256), total: count(64, 4096) }).prefault({}),
  tenancy: z.object({ floor: z.boolean().default(false) }).prefault({}),
  keys: z
    .object({
      maxStaleSeconds: z
        .int()
        .min(0)
        .max(30 * 86_400)
        .default(86_400),
    })
    .prefault({}),
  cluster: z
    .object({
      unreadyAfterSeconds: z
        .int()
        .min(0)
        .max(30 * 86_400)
        .default(300),
    })
    .prefault({}),
  servingCertificate: z
    .object({
      secret: z.string().regex(NAME),
      hosts: z.array(z.string().regex(DNS_NAME)).min(1).max(16),
      providers: z.array(z.string().regex(NAME)).max(16).default([]),
      days: z.int().min(1).max(3650).default(90),
    })
    .optional(),
  uncovered: z.enum(['accept', 'refuse']).optional(),
  kritis: z.looseObject({}).default({}),
  acr: z.looseObject({}).default({}),
  oke: z.looseObject({}).default({}),
  registries: z
    .record(
      z.string().regex(HOST),
      z.object({
        ca: z.string().optional(),
        caFile: z.string().optional(),
        tokenServers: z.array(z.string().regex(HOST)).max(16).default([]),
      }),
    )
    .default({}),
});

/**
 * Reads the settings; without a file, the defaults of every field.
 *
 * @throws {SettingsError} naming file, line and path of what is wrong. Unknown keys are `warnings` of the result.
 */
export async function loadSettings(file?: string): Promise<Settings> {
  const lines = new LineCounter();
  const document = parseDocument(file === undefined ? '' : await readCapped(file), { lineCounter: lines, uniqueKeys: true });
  const broken = document.errors[0];
  if (broken !== undefined) {
    throw new SettingsError(`${file}:${lines.linePos(broken.pos[0]).line}: not YAML: ${firstLine(broken.message)}`);
  }
  const value: unknown = document.toJS({ maxAliasCount: 100 }) ?? {};
  const parsed = settingsFile.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const path = issue?.path.map(String).join('.') ?? '';
    throw new SettingsError(`${file}: ${path === '' ? 'settings' : path}: ${issue === undefined ? 'invalid' : issueMessage(issue, value)}`);
  }
  const warnings = unknownKeys(settingsFile, value).map((path) => `${file}: unknown setting ${path.join('.')} has no effect`);
  return settingsOf(parsed.data, await readRegistries(parsed.data.registries, file), warnings);
}

/** How registries are reached under these settings. */
export function registrySettings(settings: Settings, options: { readonly plainHttp: boolean }): RegistrySettings {
  return {
    plainHttp: options.plainHttp,
    ca: (registry) => settings.registries.get(registry)?.ca,
    tokenServers: (registry) => settings.registries.get(registry)?.tokenServers ?? [],
    concurrency: settings.concurrency,
  };
}

function settingsOf(data: z.infer<typeof settingsFile>, registries: Settings['registries'], warnings: readonly string[]): Settings {
  const validatingMs = data.webhookTimeoutSeconds * 1000;
  return {
    ownNamespace: data.ownNamespace,
    validating: timeouts(validatingMs),
    mutating: timeouts(validatingMs - 1000),
    request: data.request,
    caches: { factsBytes: data.caches.factsMiB * MIB, verdictsBytes: data.caches.verdictsMiB * MIB },
    verdictTtl: { acceptedMs: data.verdicts.acceptedSeconds * 1000, refusedMs: data.verdicts.refusedSeconds * 1000 },
    freshnessMs: data.freshnessSeconds * 1000,
    revocation: { allowedHosts: data.revocation.allowedHosts, maxBytes: data.revocation.cacheMiB * MIB },
    concurrency: data.concurrency,
    tenancy: data.tenancy,
    keys: { maxStaleMs: data.keys.maxStaleSeconds * 1000 },
    cluster: { unreadyAfterMs: data.cluster.unreadyAfterSeconds === 0 ? undefined : data.cluster.unreadyAfterSeconds * 1000 },
    servingCertificate: data.servingCertificate,
    uncovered: data.uncovered,
    families: { kritis: data.kritis, acr: data.acr, oke: data.oke },
    registries,
    warnings,
  };
}

/** 3 s > 2 s > 1.7 s and 2 s > 1 s > 0.8 s: a second for Gatekeeper, then 15 % and at least 0.2 s for the way back. */
function timeouts(webhookMs: number): Timeouts {
  const providerMs = webhookMs - 1000;
  return { webhookMs, providerMs, deadlineMs: providerMs - Math.max(200, providerMs * 0.15) };
}

async function readRegistries(
  declared: z.infer<typeof settingsFile>['registries'],
  file: string | undefined,
): Promise<Map<string, RegistryOptions>> {
  const registries = new Map<string, RegistryOptions>();
  for (const [host, { ca, caFile, tokenServers }] of Object.entries(declared)) {
    if (ca !== undefined && caFile !== undefined) throw new SettingsError(`${file}: registries.${host}: expected ca or caFile, found both`);
    const pem = caFile === undefined ? ca : await readCapped(resolve(dirname(file ?? '.'), caFile));
    if (pem !== undefined && !pem.includes('-----BEGIN CERTIFICATE-----')) {
      throw new SettingsError(`${file}: registries.${host}: expected PEM certificates in ${caFile ?? 'ca'}, found none`);
    }
    registries.set(host, { ca: pem, tokenServers });
  }
  return registries;
}

async function readCapped(file: string): Promise<string> {
  try {
    const handle = await open(file);
    try {
      const { size } = await handle.stat();
      if (size > MAX_FILE_BYTES) throw new SettingsError(`${file}: expected at most ${MAX_FILE_BYTES} bytes, found ${size}`);
    } finally {
      await handle.close();
    }
    return await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof SettingsError) throw error;
    throw new SettingsError(`${file}: cannot be read: ${errorText(error)}`, { cause: error });
  }
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0]?.replace(/:$/, '') ?? '';
}
