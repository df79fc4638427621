import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { dockerConfig, dockerCredentials } from '../../src/credentials/docker-config.ts';
import { failure, never } from '../oci/world.ts';

const HOST = 'registry.example:5000';
const USER = { username: 'robot', password: 'a:b c' };
const AUTH = Buffer.from('robot:a:b c').toString('base64');

describe('dockerConfig', () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'docker-'));
    path = join(folder, 'config.json');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const provider = () => dockerConfig.create({ name: 'x', parameters: dockerConfig.parameters.parse({ configPath: path }) });
  const write = (config: unknown) => writeFileSync(path, typeof config === 'string' ? config : JSON.stringify(config));
  const get = (config: unknown, registry = HOST) => {
    write(config);
    return provider().get(registry, never);
  };

  it.each<[string, object, object]>([
    ['auth', { auth: AUTH }, USER],
    ['auth padded with NUL', { auth: Buffer.from('robot:a:b c\0\0').toString('base64') }, USER],
    ['a user name and a password', { ...USER }, USER],
    ['an identity token', { auth: AUTH, identitytoken: 'refresh' }, { identityToken: 'refresh' }],
  ])('reads %s', async (_, entry, credential) => {
    expect(await get({ auths: { [HOST]: entry } })).toEqual(credential);
  });

  it.each([
    'https://registry.example:5000',
    'https://registry.example:5000/',
    'https://registry.example:5000/v1/',
    'http://registry.example:5000/v2',
  ])('finds the host under %s', async (key) => {
    expect(await get({ auths: { [key]: { auth: AUTH } } })).toEqual(USER);
  });

  it.each(['https://index.docker.io/v1/', 'docker.io', 'index.docker.io', 'registry-1.docker.io'])(
    'finds Docker Hub under %s',
    async (key) => {
      expect(await get({ auths: { [key]: { auth: AUTH } } }, 'docker.io')).toEqual(USER);
    },
  );

  it.each([
    'registry.example',
    'registry.example:50000',
    'x.registry.example:5000',
    'registry.example:5000/team',
    'https://registry.example:5000/team',
    'https://evil.example/registry.example:5000',
    'https://u@registry.example:5000',
    '*',
    '',
  ])('A-T-16 does not take %j for the host', async (key) => {
    expect(await get({ auths: { [key]: { auth: AUTH } } })).toBeUndefined();
  });

  it.each<[string, unknown]>([
    ['no auths', {}],
    ['auths of other hosts', { auths: { 'other.example': { auth: AUTH } } }],
    ['an empty entry', { auths: { [HOST]: {} } }],
    ['a store for all, and no entry', { credsStore: 'desktop', auths: {} }],
    ['helpers of other hosts', { credHelpers: { 'other.example': 'ecr-login' } }],
    ['a malformed entry of another host', { auths: { 'other.example': { auth: '%' } } }],
  ])('is anonymous with %s', async (_, config) => {
    expect(await get(config)).toBeUndefined();
  });

  it('is anonymous without a file', async () => {
    expect(await provider().get(HOST, never)).toBeUndefined();
  });

  it.each<[string, unknown]>([
    ['no JSON', 'auths:'],
    ['nothing', ''],
    ['an array', []],
    ['two of one name', `{"auths":{"${HOST}":{"auth":"${AUTH}"},"${HOST}":{}}}`],
    ['an entry that is a string', { auths: { [HOST]: AUTH } }],
    ['an auth that is no base64', { auths: { [HOST]: { auth: 'secret%' } } }],
    ['an auth without a colon', { auths: { [HOST]: { auth: Buffer.from('secret').toString('base64') } } }],
    ['an auth without a user', { auths: { [HOST]: { auth: Buffer.from(':secret').toString('base64') } } }],
    ['a helper for the host', { credHelpers: { [HOST]: 'ecr-login' } }],
    ['an entry that a store keeps', { credsStore: 'desktop', auths: { [HOST]: {} } }],
    ['more than 1 MiB', { padding: 'x'.repeat(1024 * 1024) }],
  ])('says that it cannot be used: %s', async (_, config) => {
    const { code, message } = await failure(get(config));
    expect(code).toBe('CREDENTIALS_INVALID');
    expect(message).toContain(path);
    expect(message).not.toMatch(/secret|cm9ib3Q/);
  });

  it('says that a folder is no file', async () => {
    const made = dockerConfig.create({ name: 'x', parameters: dockerConfig.parameters.parse({ configPath: folder }) });
    expect(await failure(made.get(HOST, never))).toMatchObject({ code: 'CREDENTIALS_INVALID' });
  });

  it('reads the file again when it changes, looking at most every quarter of a second', async () => {
    let now = 0;
    const made = dockerCredentials(path, { now: () => 0, monotonic: () => now });
    const credentialAt = (ms: number) => {
      now += ms;
      return made.get(HOST, never);
    };
    write({ auths: { [HOST]: { auth: AUTH } } });
    expect(await credentialAt(0)).toEqual(USER);
    write({ auths: { [HOST]: { username: 'other', password: 'password' } } });
    expect(await credentialAt(250)).toEqual(USER);
    expect(await credentialAt(1)).toEqual({ username: 'other', password: 'password' });
    write('{');
    expect(await failure(credentialAt(251))).toMatchObject({ code: 'CREDENTIALS_INVALID' });
    rmSync(path);
    expect(await credentialAt(0)).toBeUndefined();
  });

  it('takes DOCKER_CONFIG for its folder', async () => {
    const before = process.env.DOCKER_CONFIG;
    process.env.DOCKER_CONFIG = folder;
    write({ auths: { [HOST]: { auth: AUTH } } });
    const made = dockerConfig.create({ name: 'x', parameters: dockerConfig.parameters.parse({}) });
    if (before === undefined) delete process.env.DOCKER_CONFIG;
    else process.env.DOCKER_CONFIG = before;
    expect(await made.get(HOST, never)).toEqual(USER);
  });
});
