import * as der from '../../der-writer.ts';
import { type CertificateOptions, type Extensions, OID } from '../../pki.ts';
import type { Random } from '../random.ts';

const extended = (extensions: Extensions): CertificateOptions => ({ extensions });
const domain = (name: string) => der.tlv(0x82, Buffer.from(name));
const email = (name: string) => der.tlv(0x81, Buffer.from(name));
export const uri = (name: string) => der.tlv(0x86, Buffer.from(name));
const ip = (...octets: number[]) => der.tlv(0x87, Uint8Array.from(octets));
const MAPPED = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

function altName(random: Random): Uint8Array {
  return random.pick([
    () =>
      domain(
        random.pick([
          'example.test',
          'a.example.test',
          'A.Example.test',
          '*.example.test',
          'other.test',
          'xexample.test',
          '',
          '*',
          'test',
          'a-b.example.test',
          'example.test.',
          '.example.test',
          'a..test',
        ]),
      ),
    () =>
      email(
        random.pick([
          'tsa@example.test',
          'TSA@example.test',
          'tsa@EXAMPLE.test',
          'tsa@a.example.test',
          '"t s"@example.test',
          'example.test',
          'tsa@',
          'tsa@*.example.test',
        ]),
      ),
    () =>
      uri(
        random.pick([
          'https://example.test/',
          'https://a.example.test:8443/x',
          'https://u@other.test',
          'urn:a:b',
          'https://10.0.0.1/',
          'https://[::1]/',
          'https://EXAMPLE.test',
        ]),
      ),
    () =>
      ip(
        ...random.pick<number[]>([
          [10, 0, 0, 1],
          [11, 0, 0, 1],
          [...MAPPED, 10, 0, 0, 1],
          [0xfd, ...Array(15).fill(1)],
        ]),
      ),
    () => der.context(4, der.sequence()),
  ])();
}

function base(random: Random): Uint8Array {
  return random.pick([
    () => domain(random.pick(['example.test', '.example.test', '', 'test', 'a.example.test', 'EXAMPLE.test', 'b.test'])),
    () => email(random.pick(['example.test', '.example.test', 'tsa@example.test', '', 'other.test'])),
    () => uri(random.pick(['example.test', '.example.test', 'other.test', ''])),
    () =>
      ip(
        ...random.pick<number[]>([
          [10, 0, 0, 0, 255, 0, 0, 0],
          [0, 0, 0, 0, 0, 0, 0, 0],
          [...Array(32).fill(0)],
          [0xfd, ...Array(15).fill(0), 255, ...Array(15).fill(0)],
        ]),
      ),
    () => (random.oneIn(4) ? der.context(4, der.sequence()) : domain('example.test')),
  ])();
}

/** Name constraints of an authority. */
export function nameConstraints(random: Random): CertificateOptions {
  const list = (number: number) => der.context(number, ...Array.from({ length: 1 + random.below(3) }, () => der.sequence(base(random))));
  const [permitted, excluded] = random.pick([
    [true, false],
    [false, true],
    [true, true],
  ]);
  const value = der.sequence(permitted ? list(0) : [], excluded ? list(1) : []);
  return extended({ [OID.nameConstraints]: { critical: random.oneIn(2), value } });
}

/** Alternative names. */
export const altNames = (random: Random) =>
  extended({
    [OID.subjectAltName]: {
      critical: random.oneIn(4),
      value: der.sequence(...Array.from({ length: 1 + random.below(2) }, () => altName(random))),
    },
  });

const POLICIES = ['1.2.3', '1.2.4', '2.5.29.32.0'] as const;

/** Policies, and what may be demanded of them. */
export function policies(random: Random): Extensions {
  const listed = [...new Set([random.pick(POLICIES), random.pick(POLICIES)])].map((policy) => der.sequence(der.oid(policy)));
  const mapped = der.sequence(der.sequence(der.oid(random.pick(POLICIES)), der.oid(random.pick(POLICIES))));
  const skip = (number: number) => (random.oneIn(2) ? der.tlv(0x80 | number, Uint8Array.of(random.below(3))) : []);
  return {
    ...(random.oneIn(3) ? {} : { '2.5.29.32': { value: der.sequence(...listed) } }),
    ...(random.oneIn(3) && { '2.5.29.33': { value: mapped } }),
    ...(random.oneIn(3) && { '2.5.29.36': { critical: true, value: der.sequence(skip(0), skip(1)) } }),
    ...(random.oneIn(4) && { '2.5.29.54': { critical: true, value: der.integer(random.below(3)) } }),
  };
}
