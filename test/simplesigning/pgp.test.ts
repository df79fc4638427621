import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SimpleSigningError } from '../../src/simplesigning/errors.ts';
import { loadPgpKey } from '../../src/simplesigning/pgp.ts';
import { verifyAttached } from '../../src/simplesigning/verify.ts';
import { hasGpg, makePgpMaterial, type PgpMaterial } from './gpg.ts';
import { DIGEST, expected, outcomeOf, payloadBytes, payloadText } from './world.ts';

const COMMITTED = JSON.parse(readFileSync(join(import.meta.dirname, '../fixtures/pgp/material.json'), 'utf8')) as PgpMaterial;
const FRESH: readonly (readonly [string, PgpMaterial])[] = hasGpg() ? [['gpg on this machine', makePgpMaterial()]] : [];
const NOW = new Date('2025-02-01T00:00:00Z');
const LATE = new Date('2025-08-01T00:00:00Z');
const { keys, fingerprints, messages } = COMMITTED;

const octets = (armored: string) => Buffer.from(/\n\n([^=]*=?=?)\n=/s.exec(armored)?.[1] ?? '', 'base64');
const armor = (bytes: Uint8Array) => `-----BEGIN PGP MESSAGE-----\n\n${Buffer.from(bytes).toString('base64')}\n-----END PGP MESSAGE-----\n`;
const joined = (...parts: readonly string[]) => armor(Buffer.concat(parts.map(octets)));
/** A literal data packet: binary, without name or date. */
const UNSIGNED = armor(Uint8Array.of(0xcb, 7, 0x62, 0, 0, 0, 0, 0, 0x21)).replace('\n-----END', '\n=AAAA\n-----END');

type Row = readonly [name: string, key: keyof PgpMaterial['fingerprints'], message: string, now: Date, outcome: string];

describe.each([[`committed, ${COMMITTED.madeBy}`, COMMITTED] as const, ...FRESH])(
  'messages of %s',
  (_, { keys, fingerprints, messages }) => {
    const rows: readonly Row[] = [
      ['A0.10 signed by an RSA key', 'rsa', messages.rsa, NOW, 'ok'],
      ['signed by an Ed25519 key', 'ed', messages.ed, NOW, 'ok'],
      ['signed by a signing subkey', 'subkey', messages.subkey, NOW, 'ok'],
      ['not compressed', 'rsa', messages.uncompressed, NOW, 'ok'],
      ['compressed with ZIP', 'rsa', messages.zip, NOW, 'ok'],
      ['compressed with BZIP2', 'rsa', messages.bzip2, NOW, 'ok'],
      ['hashed with SHA-256', 'rsa', messages.sha256, NOW, 'ok'],
      ['armored as kritis does it', 'rsa', messages.rsa.replaceAll('PGP MESSAGE', 'PGP SIGNATURE'), NOW, 'ok'],
      ['with lines that end in CR LF', 'rsa', messages.rsa.replaceAll('\n', '\r\n'), NOW, 'ok'],
      ['by a key that will expire', 'expiring', messages.expiring, NOW, 'ok'],
      ['by a key that has expired since', 'expiring', messages.expiring, LATE, 'KEY_EXPIRED'],
      ['by a key that was revoked since', 'revoked', messages.revoked, NOW, 'KEY_REVOKED'],
      ['by a key that was revoked with SHA-1 since', 'weaklyRevoked', messages.weaklyRevoked, NOW, 'KEY_REVOKED'],
      ['that has expired itself', 'rsa', messages.expiringSignature, LATE, 'SIGNATURE_EXPIRED'],
      ['from the future', 'rsa', messages.rsa, new Date('2024-12-31T00:00:00Z'), 'SIGNATURE_INVALID'],
      ['by another key', 'ed', messages.rsa, NOW, 'SIGNATURE_INVALID'],
      ['by an RSA key of 1024 bits', 'weak', messages.weak, NOW, 'SIGNATURE_INVALID'],
      ['by a key that SHA-1 binds to its owner', 'sha1', messages.sha1Key, NOW, 'SIGNATURE_INVALID'],
      ['hashed with SHA-1', 'rsa', messages.sha1, NOW, 'ALGORITHM_UNSUPPORTED'],
      ['hashed with MD5', 'rsa', messages.md5, NOW, 'ALGORITHM_UNSUPPORTED'],
      ['signed as text', 'rsa', messages.text, NOW, 'ATTESTATION_INVALID'],
      ['signed in clear', 'rsa', messages.clear, NOW, 'ATTESTATION_INVALID'],
      ['a detached signature', 'rsa', messages.detached, NOW, 'ATTESTATION_INVALID'],
      ['with two signatures, one of them by the key', 'rsa', messages.two, NOW, 'ATTESTATION_INVALID'],
      ['with two signatures, seen by the other key', 'ed', messages.two, NOW, 'ATTESTATION_INVALID'],
      ['that inflates to 4 MiB', 'rsa', messages.inflated, NOW, 'ATTESTATION_INVALID'],
      ['twice', 'rsa', messages.rsa + messages.rsa, NOW, 'ATTESTATION_INVALID'],
      ['twice in one armor', 'rsa', joined(messages.uncompressed, messages.uncompressed), NOW, 'ATTESTATION_INVALID'],
      ['before an unsigned text', 'rsa', joined(messages.uncompressed, UNSIGNED), NOW, 'ATTESTATION_INVALID'],
      ['after an unsigned text', 'rsa', joined(UNSIGNED, messages.uncompressed), NOW, 'ATTESTATION_INVALID'],
      ['an unsigned text', 'rsa', UNSIGNED, NOW, 'ATTESTATION_INVALID'],
      ['with text before it', 'rsa', `hello\n${messages.rsa}`, NOW, 'ATTESTATION_INVALID'],
      ['with text after it', 'rsa', `${messages.rsa}hello\n`, NOW, 'ATTESTATION_INVALID'],
      ['a key', 'rsa', keys.rsa, NOW, 'ATTESTATION_INVALID'],
      ['nothing', 'rsa', '', NOW, 'ATTESTATION_INVALID'],
      ['a message cut short', 'rsa', messages.uncompressed.slice(0, 300), NOW, 'ATTESTATION_INVALID'],
      ['too long', 'rsa', messages.rsa.replace('\n\n', `\n\n${' '.repeat(128 * 1024)}`), NOW, 'ATTESTATION_INVALID'],
      ['a payload that is none', 'rsa', messages.garbage, NOW, 'PAYLOAD_INVALID'],
    ];

    it.each(rows)('%s', async (_name, key, message, now, outcome) => {
      const pgp = await loadPgpKey(keys[key]);
      expect(pgp.id).toBe(fingerprints[key]);
      const result = await verifyAttached(pgp, { keyId: pgp.id, message }, expected(), now);
      expect(outcomeOf(result)).toBe(outcome);
    });

    it('gives no content but the signed one, whatever octet is changed', async () => {
      const pgp = await loadPgpKey(keys.rsa);
      const bytes = octets(messages.uncompressed);
      let refused = 0;
      for (let at = 0; at < bytes.length; at++) {
        const bent = Buffer.from(bytes);
        bent.writeUInt8(bent.readUInt8(at) ^ 1, at);
        const opened = await pgp.open(armor(bent), NOW);
        // Name and date of the file stand outside of what is signed, and so do hints.
        if (opened.ok) expect(Buffer.from(opened.content).toString()).toBe(payloadText());
        else refused++;
      }
      expect(refused).toBeGreaterThan(bytes.length * 0.9);
    });

    it.each<[string, keyof PgpMaterial['fingerprints'], string, string | undefined]>([
      ['the key', 'expiring', messages.expiring, '2025-07-01T00:00:00.000Z'],
      ['the signature', 'rsa', messages.expiringSignature, '2025-03-01T00:00:00.000Z'],
      ['neither', 'rsa', messages.rsa, undefined],
      ['no subkey', 'subkey', messages.subkey, undefined],
    ])('is good until %s expires', async (_name, key, message, until) => {
      const pgp = await loadPgpKey(keys[key]);
      const result = await verifyAttached(pgp, { keyId: pgp.id, message }, expected(), NOW);
      expect(result.ok && result.validUntil?.toISOString()).toBe(until);
    });

    it('gives the payload byte for byte', async () => {
      const pgp = await loadPgpKey(keys.rsa);
      const opened = await pgp.open(messages.rsa, NOW);
      expect(opened).toMatchObject({ ok: true });
      expect(opened.ok && Buffer.from(opened.content)).toEqual(Buffer.from(payloadBytes()));
    });
  },
);

describe('an attached attestation', () => {
  it('A0.10 is good by whichever key its id names', async () => {
    const [old, current] = [await loadPgpKey(keys.ed), await loadPgpKey(keys.rsa)];
    const judge = (id: string, message: string) => {
      const key = [old, current].find((candidate) => candidate.id === id) ?? old;
      return verifyAttached(key, { keyId: id, message }, expected(), NOW);
    };
    expect(outcomeOf(await judge(old.id, messages.ed))).toBe('ok');
    expect(outcomeOf(await judge(current.id, messages.rsa))).toBe('ok');
    expect(outcomeOf(await judge(current.id, messages.ed))).toBe('SIGNATURE_INVALID');
  });

  it.each([
    ['in lower case', fingerprints.rsa.toLowerCase()],
    ['of another key', fingerprints.ed],
    ['of 16 digits', fingerprints.rsa.slice(-16)],
    ['that is empty', ''],
  ])('is refused with an id %s', async (_, keyId) => {
    const result = await verifyAttached(await loadPgpKey(keys.rsa), { keyId, message: messages.rsa }, expected(), NOW);
    expect(outcomeOf(result)).toBe('KEY_ID_MISMATCH');
  });

  it('is refused for another image', async () => {
    const result = await verifyAttached(
      await loadPgpKey(keys.rsa),
      { keyId: fingerprints.rsa, message: messages.rsa },
      expected(`other.example.test/app@${DIGEST}`),
      NOW,
    );
    expect(outcomeOf(result)).toBe('PAYLOAD_REPOSITORY_MISMATCH');
  });
});

describe('an OpenPGP key', () => {
  it.each([
    ['that is private', keys.secret, 'a private OpenPGP key'],
    ['that is two', keys.both, 'expected one OpenPGP key, got 2'],
    ['that is a message', messages.rsa, 'expected one armored OpenPGP PUBLIC KEY BLOCK'],
    ['that is empty', '', 'expected one armored OpenPGP PUBLIC KEY BLOCK'],
    ['with text before it', `x\n${keys.rsa}`, 'expected one armored OpenPGP PUBLIC KEY BLOCK'],
    ['that is cut', keys.rsa.replace(/\n\n(.{40})[^-]*/s, '\n\n$1\n'), 'unusable OpenPGP key'],
    ['that is too long', keys.rsa.replace('\n\n', `\n\n${' '.repeat(256 * 1024)}`), 'expected an OpenPGP key of at most 262144 characters'],
  ])('is refused %s', async (_, armored, message) => {
    const problem = await loadPgpKey(armored).catch((error: unknown) => error);
    expect(problem).toBeInstanceOf(SimpleSigningError);
    expect(String(problem)).toContain(message);
    expect(String(problem)).not.toContain('lIY');
  });

  it('is never anything but loaded or refused, whatever its text', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
        const armored = `-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n${Buffer.from(bytes).toString('base64')}\n-----END PGP PUBLIC KEY BLOCK-----\n`;
        const problem = await loadPgpKey(armored).catch((error: unknown) => error);
        expect(problem).toBeInstanceOf(SimpleSigningError);
      }),
    );
  });

  it('answers garbage with a refusal', async () => {
    const pgp = await loadPgpKey(keys.rsa);
    const armored = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes).toString('base64'));
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string(), armored), fc.boolean(), async (text, wrapped) => {
        const message = wrapped ? `-----BEGIN PGP MESSAGE-----\n\n${text}\n-----END PGP MESSAGE-----\n` : text;
        expect(outcomeOf(await pgp.open(message, NOW))).toMatch(/^(?:ATTESTATION_INVALID|SIGNATURE_INVALID|ALGORITHM_UNSUPPORTED)$/);
      }),
    );
  });
});
