import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KeyKind } from '../pki.ts';

/** Private keys by kind and place, made once for a run: making RSA keys would take most of its time. */
export interface KeyPool {
  get(kind: KeyKind, place: string): KeyObject;
}

const CURVES: Readonly<Partial<Record<KeyKind, string>>> = { 'EC-224': 'P-224', 'EC-256': 'P-256', 'EC-384': 'P-384', 'EC-521': 'P-521' };

export function createKeyPool(): KeyPool {
  const kept = new Map<string, KeyObject>();
  return {
    get(kind, place) {
      const name = `${kind} ${place}`;
      const found = kept.get(name) ?? make(kind, place);
      kept.set(name, found);
      return found;
    },
  };
}

function make(kind: KeyKind, place: string): KeyObject {
  const namedCurve = CURVES[kind];
  if (namedCurve !== undefined) return generateKeyPairSync('ec', { namedCurve }).privateKey;
  if (kind === 'Ed25519') return generateKeyPairSync('ed25519').privateKey;
  if (kind === 'RSA-2048' && place !== 'root' && place !== 'leaf') return generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  const file = kind === 'RSA-2048' && place === 'root' ? 'rsa-2048-authority' : kind.toLowerCase();
  return createPrivateKey(readFileSync(join(import.meta.dirname, '../fixtures/keys', `${file}.pem`)));
}
