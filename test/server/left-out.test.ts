import { describe, expect, it } from '@jest/globals';
import { parseReference } from '../../src/oci/reference.ts';
import { imageName, type LeftOut, leftOutError } from '../../src/server/left-out.ts';

const DIGEST = `sha256:${'0123456789ab'.repeat(6).slice(0, 64)}`;

function leftOut(text: string, outcome: LeftOut['outcome'] = 'unavailable', code = 'REGISTRY_UNREACHABLE', message = 'no answer'): LeftOut {
  return { reference: parseReference(text), outcome, reason: { code, message } };
}

describe('leftOutError', () => {
  it('is empty when nothing was left out', () => {
    expect(leftOutError([], 3)).toBe('');
  });

  it('names what was left out, with outcome and code, and the first reason', () => {
    expect(leftOutError([leftOut(`reg.test/a:1@${DIGEST}`), leftOut('nginx', 'misconfigured', 'NO_STORE', 'declare one')], 5)).toBe(
      '2 of 5 images not evaluated: reg.test/a@sha256:0123456789ab (unavailable REGISTRY_UNREACHABLE), ' +
        'docker.io/library/nginx:latest (misconfigured NO_STORE): no answer',
    );
  });

  it('25: names as many as fit into 1 KiB and counts the rest', () => {
    const many = Array.from({ length: 5000 }, (_, index) => leftOut(`reg.test/x${'x'.repeat(index % 150)}/y${index}:1`));
    const text = leftOutError(many, 5000);
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(1024);
    const named = text.split('(unavailable').length - 1;
    expect(named).toBeGreaterThan(3);
    expect(text).toContain(` and ${5000 - named} more: no answer`);
  });

  it('is one ASCII line even if a reason is not', () => {
    expect(leftOutError([leftOut('a', 'unavailable', 'X', 'bad\nbytes \u2028')], 1)).toMatch(/^[\x20-\x7e]+$/);
  });

  it('cuts a name to 80 bytes and keeps its digest or tag', () => {
    const long = `reg.test/${'a'.repeat(200)}`;
    expect(imageName(parseReference(`${long}@${DIGEST}`))).toMatch(/^reg\.test\/a+\.\.\.@sha256:0123456789ab$/);
    expect(imageName(parseReference(`${long}@${DIGEST}`))).toHaveLength(80);
    expect(imageName(parseReference(`${long}:${'t'.repeat(128)}`)).length).toBeLessThanOrEqual(80);
  });
});
