import { describe, expect, it } from '@jest/globals';
import { createLogger, type LogLevel } from '../../src/lib/log.ts';

function logged(fields: Readonly<Record<string, unknown>>, level: LogLevel = 'info') {
  let text = '';
  const log = createLogger({
    level: 'info',
    stream: {
      write: (line) => {
        text += line;
      },
    },
  });
  log[level](fields, 'said');
  return text;
}

describe('createLogger', () => {
  it('writes one line of JSON with level, time and message', () => {
    expect(JSON.parse(logged({ code: 'X' }))).toEqual({ level: 'info', time: expect.stringMatching(/^\d{4}-/), code: 'X', msg: 'said' });
  });

  it('leaves out what is below its level', () => {
    expect(logged({}, 'debug')).toBe('');
  });

  it.each([
    ['a line break', 'a\nb'],
    ['a forged line', '"}\n{"msg":"ready"}'],
    ['ANSI', '\x1b[31mred'],
    ['a NUL', '\0'],
  ])('A-L-01: keeps %s inside its field', (_case, text) => {
    const line = logged({ subject: text });
    expect(line).toMatch(/^[^\n\x00-\x1f]*\n$/);
    expect(JSON.parse(line).subject).toBe(text);
  });

  it.each([
    ['a password', { password: 's3cret' }],
    ['a token one level down', { registry: { token: 's3cret' } }],
    ['a password in a list', { registries: [{ name: 'a' }, { password: 's3cret' }] }],
    ['an authorization header', { headers: { authorization: 'Bearer s3cret' } }],
    ['user information in an error', { error: new Error('GET https://user:s3cret@reg.test/v2/ failed') }],
    ['a bearer token in an error', { error: new Error('sent Authorization: Bearer s3cret') }],
    ['a secret in a cause', { error: new Error('failed', { cause: new Error('https://s3cret@reg.test') }) }],
    ['a thrown text', { error: 'https://u:s3cret@reg.test' }],
  ])('never shows %s', (_case, fields) => {
    expect(logged(fields)).not.toContain('s3cret');
  });
});
