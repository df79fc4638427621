import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { AdapterInputs, Home } from '../../src/engine/kinds.ts';
import type { KeyMaterial } from '../../src/engine/types.ts';
import { secret } from '../../src/keys/secret.ts';
import { pki } from '../pki.ts';
import { clusterOf, secretOf } from './world.ts';

const [one, two] = [pki.root(), pki.root()];
const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const PUBLIC = publicKey.export({ type: 'spki', format: 'pem' }).toString();
const PRIVATE = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const signal = new AbortController().signal;

const OWN: Home = { namespace: 'gatekeeper-system', confined: false };
const TENANT: Home = { namespace: 'team-a', confined: true };
const create = (parameters: unknown, inputs: AdapterInputs) =>
  secret.create({ name: 'x', parameters: secret.parameters.parse(parameters), ...inputs });
const base64 = (der: Uint8Array) => Buffer.from(der).toString('base64');
const fetched = (parameters: unknown, members: Readonly<Record<string, string>>): Promise<KeyMaterial> =>
  create(parameters, { home: OWN, cluster: clusterOf({ 'gatekeeper-system/roots': secretOf(members) }) }).fetch(signal);

describe('a key provider over a Secret', () => {
  it('gives the certificates of its only member', async () => {
    const material = await fetched({ name: 'roots' }, { 'ca.crt': one.pem + two.pem });
    expect(material.certificates.map(base64)).toEqual([one.cert, two.cert].map(base64));
    expect(material.sources).toEqual([{ holds: 'certificate', name: 'ca.crt', version: '7', enabled: true, count: 2 }]);
  });

  it('gives the members that are named, in that order, each once', async () => {
    const members = { 'a.crt': one.pem, 'b.crt': two.pem, 'tls.key': PRIVATE };
    const material = await fetched({ name: 'roots', key: 'b.crt, a.crt,b.crt' }, members);
    expect(material.certificates.map(base64)).toEqual([two.cert, one.cert].map(base64));
  });

  it('goes on without a member that was taken out, and says that it is not enabled', async () => {
    const material = await fetched({ name: 'roots', key: 'old.crt,new.crt' }, { 'new.crt': two.pem });
    expect(material.certificates.map(base64)).toEqual([base64(two.cert)]);
    expect(material.sources?.map(({ name, enabled, count }) => [name, enabled, count])).toEqual([
      ['old.crt', false, 0],
      ['new.crt', true, 1],
    ]);
  });

  it('gives public keys, with the name and version of where they are', async () => {
    const { certificates, keys } = await fetched({ name: 'roots', contentType: 'key' }, { 'cosign.pub': PUBLIC });
    expect(certificates).toEqual([]);
    expect(keys?.map(({ name, version, spki }) => [name, version, base64(spki)])).toEqual([
      ['cosign.pub', '7', publicKey.export({ type: 'spki', format: 'der' }).toString('base64')],
    ]);
  });

  it.each<[string, unknown, Readonly<Record<string, string>>, string, RegExp]>([
    [
      'several members and no key',
      { name: 'roots' },
      { a: one.pem, b: two.pem },
      'CONFIG_INVALID',
      /has 2 members; name those that are meant/,
    ],
    ['no member at all', { name: 'roots' }, {}, 'KEY_PROVIDER_MISSING', /none of the members/],
    ['none of the members that are named', { name: 'roots', key: 'x' }, { a: one.pem }, 'KEY_PROVIDER_MISSING', /none of the members/],
    ['another Secret', { name: 'others' }, { a: one.pem }, 'KEY_PROVIDER_MISSING', /Secret gatekeeper-system\/others is not there/],
    ['no PEM', { name: 'roots' }, { a: 'hello' }, 'CONFIG_INVALID', /Secret gatekeeper-system\/roots, a: no certificates found/],
    ['a private key', { name: 'roots' }, { a: PRIVATE }, 'CONFIG_INVALID', /a: a private key where only certificates belong/],
    ['a private key for a public one', { name: 'roots', contentType: 'key' }, { a: PRIVATE }, 'CONFIG_INVALID', /expected a public key/],
    ['more than 1 MiB', { name: 'roots' }, { a: 'x'.repeat(1024 * 1024 + 1) }, 'CONFIG_INVALID', /at most 1048576 bytes/],
  ])('refuses %s', async (_case, parameters, members, code, message) => {
    const failure = await fetched(parameters, members).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code, message: expect.stringMatching(message) });
    expect(String(failure)).not.toContain(PRIVATE.split('\n')[1]);
  });

  it('passes on what could not be found out', async () => {
    const provider = create(
      { name: 'roots' },
      { home: OWN, cluster: clusterOf({ 'gatekeeper-system/roots': new Error('api server down') }) },
    );
    await expect(provider.fetch(signal)).rejects.toThrow('api server down');
  });

  it('says that there is no cluster, where there is none', async () => {
    await expect(create({ name: 'roots' }, {}).fetch(signal)).rejects.toMatchObject({ code: 'KEY_PROVIDER_UNAVAILABLE' });
  });

  it.each<[string, Home, string | undefined, string]>([
    ['an object of the cluster in our own namespace', OWN, undefined, 'gatekeeper-system/roots'],
    ['an object of the cluster in any namespace that it names', OWN, 'team-b', 'team-b/roots'],
    ["a tenant's object in its own namespace", TENANT, undefined, 'team-a/roots'],
    ["a tenant's object in its own namespace by name", TENANT, 'team-a', 'team-a/roots'],
  ])('looks for the Secret of %s', async (_case, home, namespace, expected) => {
    const cluster = clusterOf({ [expected]: secretOf({ a: one.pem }) });
    await create({ name: 'roots', ...(namespace === undefined ? {} : { namespace }) }, { home, cluster }).fetch(signal);
    expect(cluster.asked).toEqual([expected]);
  });

  it.each(['team-b', 'gatekeeper-system', 'kube-system'])(
    "A-T-03 refuses a tenant's object that names a Secret of %s, without asking",
    (namespace) => {
      const cluster = clusterOf({});
      expect(() => create({ name: 'roots', namespace }, { home: TENANT, cluster })).toThrow(
        expect.objectContaining({ code: 'CONFIG_INVALID', path: 'spec.parameters.namespace' }),
      );
      expect(cluster.asked).toEqual([]);
    },
  );

  it.each(['..', '.', '', 'a/b', 'A', 'a%2fb', '-a', 'a?b', 'x'.repeat(254)])('does not take %p for a name', (name) => {
    expect(secret.parameters.safeParse({ name }).success).toBe(false);
  });

  it.each(['..', 'a.b', 'a/b', 'x'.repeat(64)])('does not take %p for a namespace', (namespace) => {
    expect(secret.parameters.safeParse({ name: 'a', namespace }).success).toBe(false);
  });
});
