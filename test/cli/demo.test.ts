import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

describe('demo', () => {
  const { stdout, status } = spawnSync(process.execPath, ['src/main.ts', 'demo'], {
    cwd: join(import.meta.dirname, '../..'),
    encoding: 'utf8',
    timeout: 25_000,
  });

  it('ends well, on an answer for every image', () => {
    expect(status).toBe(0);
    expect(stdout).toContain('Every answer was the expected one.');
  });

  it.each([
    ['signed, JWS envelope', 'ACCEPTED', 'VERIFIED'],
    ['signed, COSE envelope', 'ACCEPTED', 'VERIFIED'],
    ['multi-platform index, signed', 'ACCEPTED', 'VERIFIED'],
    ['not signed', 'REFUSED', 'NO_SIGNATURES'],
    ['signed by somebody else', 'REFUSED', 'SIGNER_UNTRUSTED'],
    ["another image's signature", 'REFUSED', 'PAYLOAD_MISMATCH'],
    ['signature with a changed byte', 'REFUSED', 'SIGNATURE_INVALID'],
    ['no image reference at all', 'INVALID', 'INVALID_REFERENCE'],
    ['registry that does not answer', 'UNAVAILABLE', 'DEADLINE_EXCEEDED'],
  ])('shows %s as %s', (image, outcome, code) => {
    const row = stdout.split('\n').find((line) => line.startsWith(image));
    expect(row?.split(/ {2,}/).slice(1, 3)).toEqual([outcome, code]);
  });

  it('names what it left out in systemError', () => {
    expect(stdout).toMatch(/1 of 12 images not evaluated: 127\.0\.0\.1:\d+\/app:1 \(unavailable DEADLINE_EXCEEDED\)/);
  });
});
