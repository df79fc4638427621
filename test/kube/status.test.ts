import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { ObjectState } from '../../src/config/engines.ts';
import type { KeyState } from '../../src/config/key-sources.ts';
import type { Declared, Diagnostic } from '../../src/config/resources.ts';
import { keyProviderStatus, objectStatus } from '../../src/config/schema/status.ts';
import { ConfigProblem } from '../../src/engine/errors.ts';
import type { KeyMaterial } from '../../src/engine/types.ts';
import type { KubeObject } from '../../src/kube/objects.ts';
import { type StatusInput, statusOf } from '../../src/kube/status.ts';
import { pki } from '../pki.ts';

const NOW = new Date('2026-05-01T12:00:00.123Z');
const root = pki.root();
const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const SPKI = publicKey.export({ type: 'spki', format: 'der' });

const object = (status?: unknown): KubeObject => ({
  metadata: { name: 'x', uid: 'u', resourceVersion: '7', generation: 3 },
  ...(status === undefined ? {} : { status }),
});
const declared = (kind = 'Store', role: Declared['role'] = 'store') => ({ kind, role, name: 'x', namespace: undefined }) as Declared;
const diagnostic = (severity: Diagnostic['severity'], code: string, path: string, message: string): Diagnostic => ({
  severity,
  file: 'cluster',
  path,
  code,
  message,
});
const state = (inForce: ObjectState['inForce'], diagnostics: readonly Diagnostic[] = [], of = declared()): ObjectState => ({
  declared: of,
  inForce,
  diagnostics,
});
const status = (over: Partial<StatusInput> = {}) =>
  statusOf({ object: object(), state: state('this'), diagnostics: [], keys: undefined, now: NOW, ...over });
const ready = (found: ReturnType<typeof statusOf>) => found.conditions?.find(({ type }) => type === 'Ready');

const INVALID = diagnostic('error', 'CONFIG_INVALID', 'spec.name', 'unknown store "shelf"; expected oras');

describe('the status of an object', () => {
  it("is Ratify's fields and Ready for one that is in force", () => {
    expect(status()).toEqual({
      issuccess: true,
      error: '',
      brieferror: '',
      conditions: [
        {
          type: 'Ready',
          status: 'True',
          observedGeneration: 3,
          lastTransitionTime: '2026-05-01T12:00:00Z',
          reason: 'Applied',
          message: '',
        },
      ],
    });
  });

  it('tells warnings and notes of one that is in force', () => {
    const warning = diagnostic('warning', 'UNKNOWN_FIELD', 'spec.colour', 'unknown field spec.colour has no effect');
    const found = status({ state: state('this', [warning, diagnostic('note', 'CONFIG_HINT', '', 'newer kinds')]) });
    const message = 'UNKNOWN_FIELD: spec.colour: unknown field spec.colour has no effect; CONFIG_HINT: newer kinds';
    expect([found.issuccess, ready(found)?.message]).toEqual([true, message]);
  });

  it.each<[string, StatusInput['state'], string, string]>([
    ['is not applied', state('nothing', [INVALID]), 'CONFIG_INVALID', 'CONFIG_INVALID: spec.name: unknown store "shelf"; expected oras'],
    [
      'stays in force as it last was good',
      state('lastGood', [INVALID]),
      'CONFIG_INVALID',
      'CONFIG_INVALID: spec.name: unknown store "shelf"; expected oras; the object stays in force as it last was good, until it is mended or deleted',
    ],
    [
      'is in force and lacks something',
      state('this', [diagnostic('error', 'KEY_PROVIDER_MISSING', '', 'key provider k is not there')]),
      'KEY_PROVIDER_MISSING',
      'KEY_PROVIDER_MISSING: key provider k is not there',
    ],
    [
      'is declared in a file too',
      undefined,
      'CONFIG_INVALID',
      'CONFIG_INVALID: declared in a file of the provider too, which is in force; delete one of the two',
    ],
    ['came to nothing without a word', state('nothing'), 'CONFIG_INVALID', 'CONFIG_INVALID: not applied'],
  ])('is no success for one that %s', (_case, of, reason, error) => {
    const found = status({ state: of });
    expect(found).toMatchObject({ issuccess: false, error });
    expect(ready(found)).toMatchObject({ status: 'False', reason });
  });

  it('is cut: the brief error to 100 characters, the error to 1024', () => {
    const long = diagnostic('error', 'CONFIG_INVALID', 'spec', 'x'.repeat(5000));
    const found = status({ state: state('nothing', [long]) });
    expect([found.brieferror?.length, found.error?.length, ready(found)?.message.length]).toEqual([100, 1024, 1024]);
    expect(found.brieferror).toMatch(/^CONFIG_INVALID: x+\.\.\.$/);
  });

  it('keeps the time of the last transition until the condition is another', () => {
    const condition = (value: string) => ({ conditions: [{ type: 'Ready', status: value, lastTransitionTime: '2026-01-01T00:00:00Z' }] });
    expect(ready(status({ object: object(condition('True')) }))?.lastTransitionTime).toBe('2026-01-01T00:00:00Z');
    expect(ready(status({ object: object(condition('False')) }))?.lastTransitionTime).toBe('2026-05-01T12:00:00Z');
  });

  it('leaves conditions that somebody else wrote', () => {
    const theirs = { type: 'Audited', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z', reason: 'Done', message: 'by hand' };
    expect(status({ object: object({ conditions: [theirs] }) }).conditions?.map(({ type }) => type)).toEqual(['Ready', 'Audited']);
  });

  it.each(['text', 3, null, [], { conditions: 'none' }, { conditions: [null, 3, 'x'] }])(
    'does not stumble over a status that is %p',
    (odd) => {
      expect(ready(status({ object: object(odd) }))?.status).toBe('True');
    },
  );

  it('is of the shape that the definitions have', () => {
    expect(objectStatus.safeParse(status({ state: state('lastGood', [INVALID]) })).success).toBe(true);
    expect(keyProviderStatus.safeParse(keyStatus(material())).success).toBe(true);
  });
});

const material = (over: Partial<KeyMaterial> = {}): KeyMaterial => ({ certificates: [root.cert], ...over });
const keysOf = (found: KeyMaterial | undefined, problem?: ConfigProblem): KeyState => ({
  material: found,
  fetchedAt: Date.parse('2026-05-01T11:00:00Z'),
  triedAt: Date.parse('2026-05-01T11:30:00Z'),
  problem,
});
const provider = (kind = 'KeyManagementProvider') => state('this', [], declared(kind, 'keyProvider'));
const keyStatus = (found: KeyMaterial | undefined, problem?: ConfigProblem, kind?: string) =>
  status({ state: provider(kind), keys: keysOf(found, problem) }) as Record<string, unknown>;

describe('the status of a key provider', () => {
  it('tells when it was fetched, and whose certificates are in force until when', () => {
    expect(keyStatus(material())).toMatchObject({
      issuccess: true,
      lastfetchedtime: '2026-05-01T11:30:00Z',
      properties: {
        Certificates: [
          {
            Name: '',
            Version: '',
            Enabled: 'true',
            LastRefreshed: '2026-05-01T11:00:00Z',
            Subject: expect.stringMatching(/^CN=/),
            Fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/),
            NotAfter: expect.stringMatching(/^\d{4}-.*Z$/),
          },
        ],
      },
    });
  });

  it('has a row for each certificate and key under its name and version, and one for what is not enabled', () => {
    const sources = [
      { holds: 'certificate', name: 'a.crt', version: '9', enabled: true, count: 2 },
      { holds: 'certificate', name: 'old.crt', version: '9', enabled: false, count: 0 },
      { holds: 'certificate', name: 'b.crt', version: '9', enabled: true, count: 1 },
      { holds: 'key', name: 'k.pub', version: '9', enabled: true, count: 1 },
    ] as const;
    const keys = [{ name: 'k.pub', version: '9', spki: SPKI }];
    const found = keyStatus(material({ certificates: [root.cert, root.cert, root.cert], keys, sources }));
    const { Certificates, Keys } = found.properties as Record<string, { Name: string; Enabled: string; Fingerprint?: string }[]>;
    expect(Certificates?.map(({ Name, Enabled, Fingerprint }) => [Name, Enabled, Fingerprint !== undefined])).toEqual([
      ['a.crt', 'true', true],
      ['a.crt', 'true', true],
      ['old.crt', 'false', false],
      ['b.crt', 'true', true],
    ]);
    expect(Keys?.map(({ Name, Fingerprint }) => [Name, Fingerprint?.length])).toEqual([['k.pub', 64]]);
  });

  it('names certificates as Ratify does in a CertificateStore', () => {
    const { properties } = keyStatus(material(), undefined, 'CertificateStore') as { properties: { Certificates: object[] } };
    expect(Object.keys(properties.Certificates[0] ?? {}).slice(0, 2)).toEqual(['CertificateName', 'Version']);
  });

  it('keeps what is in force beside a failure to fetch it again', () => {
    const found = keyStatus(material(), new ConfigProblem('KEY_PROVIDER_UNAVAILABLE', 'spec', 'cannot be fetched: vault is down'));
    expect(found).toMatchObject({
      issuccess: false,
      error: 'KEY_PROVIDER_UNAVAILABLE: cannot be fetched: vault is down; what was fetched at 2026-05-01T11:00:00Z stays in force',
      brieferror: 'KEY_PROVIDER_UNAVAILABLE: cannot be fetched: vault is down',
      properties: { Certificates: [expect.anything()] },
    });
  });

  it('has no rows for what is not in force', () => {
    expect(keyStatus(undefined, new ConfigProblem('KEY_PROVIDER_MISSING', 'spec', 'gone'))).not.toHaveProperty('properties');
  });

  it('has fifty rows at most, and counts the others', () => {
    const { properties } = keyStatus(material({ certificates: Array<Uint8Array>(60).fill(root.cert) })) as {
      properties: { Certificates: object[]; MoreCertificates: number };
    };
    expect([properties.Certificates.length, properties.MoreCertificates]).toEqual([50, 10]);
  });

  it('shows nothing of a key but what it is known by', () => {
    const text = JSON.stringify(keyStatus(material({ keys: [{ name: '', version: '', spki: SPKI }] })));
    expect(text).not.toContain(SPKI.toString('base64').slice(40, 80));
    expect(text).not.toContain('BEGIN');
  });
});
