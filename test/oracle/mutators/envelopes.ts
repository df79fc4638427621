import type { KeyKind } from '../../pki.ts';
import { SIGNING_AUTHORITY } from '../../sign.ts';
import { days, NAME } from '../draft.ts';
import { disturbed, type MutatorTable } from './table.ts';

const ORDERS: Readonly<Partial<Record<KeyKind, bigint>>> = {
  'EC-256': 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
  'EC-384': 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
  'EC-521':
    0x01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409n,
};
const SIGN_AS = ['EC-256', 'EC-384', 'EC-521', 'RSA-2048', 'RSA-3072', 'RSA-4096'] as const satisfies KeyKind[];

/** The other s that verifies as well. */
function highS(signature: Uint8Array, order: bigint): Uint8Array {
  const half = signature.length / 2;
  const s = order - BigInt(`0x${Buffer.from(signature.subarray(half)).toString('hex')}`);
  return Uint8Array.from([...signature.subarray(0, half), ...Buffer.from(s.toString(16).padStart(half * 2, '0'), 'hex')]);
}

function derSignature(signature: Uint8Array): Uint8Array {
  const half = signature.length / 2;
  const integer = (bytes: Uint8Array): number[] => {
    let value = [...bytes];
    while (value.length > 1 && value[0] === 0 && (value[1] ?? 0) < 0x80) value = value.slice(1);
    if ((value[0] ?? 0) >= 0x80) value.unshift(0);
    return [2, value.length, ...value];
  };
  const body = [...integer(signature.subarray(0, half)), ...integer(signature.subarray(half))];
  return Uint8Array.from(body.length < 128 ? [0x30, body.length, ...body] : [0x30, 0x81, body.length, ...body]);
}

const PLUGIN_VALUES = ['"com.example.plugin"', '""', '" "', '5', 'null', '[]', '{}', 'true'] as const;

/** What is the same for both formats: the signature itself, times, schemes, attributes, media types and raw bytes. */
export const ENVELOPES: MutatorTable = {
  none: () => undefined,
  'signature/other key': (draft) => {
    draft.signWith = 'other key';
  },
  'signature/other algorithm': (draft, random) => {
    const family = draft.leaf.key.startsWith('RSA');
    const others = SIGN_AS.filter((kind) => kind.startsWith('RSA') === family && kind !== draft.leaf.key);
    draft.signAs = others[random.below(others.length)];
  },
  'signature/salt': (draft, random) => {
    draft.leaf.key = random.pick(['RSA-2048', 'RSA-3072', 'RSA-4096']);
    draft.saltLength = random.pick([0, 1, 20, 31, 32, 33, 48, 64, 100]);
  },
  'signature/high s': (draft, random) => {
    draft.leaf.key = random.pick(['EC-256', 'EC-384', 'EC-521']);
    const { key } = draft.leaf;
    draft.bendSignature.push((signature) => highS(signature, ORDERS[key] ?? 1n));
  },
  'signature/der': (draft, random) => {
    draft.leaf.key = random.pick(['EC-256', 'EC-384', 'EC-521']);
    draft.bendSignature.push(derSignature);
  },
  'signature/zero': (draft, random) => {
    draft.bendSignature.push((signature) => {
      const half = signature.length / 2;
      return random.pick([
        new Uint8Array(signature.length),
        Uint8Array.from([...new Uint8Array(half), ...signature.subarray(half)]),
        Uint8Array.from([...signature.subarray(0, half), ...new Uint8Array(half)]),
        new Uint8Array(signature.length).fill(0xff),
      ]);
    });
  },
  'signature/length': (draft, random) => {
    draft.bendSignature.push((signature) =>
      random.pick([
        new Uint8Array(),
        signature.subarray(1),
        signature.subarray(0, -1),
        Uint8Array.from([0, ...signature]),
        Uint8Array.from([...signature, 0]),
        Uint8Array.from([...signature, ...signature]),
      ]),
    );
  },
  'signature/disturbed': (draft, random) => {
    draft.bendSignature.push((signature) => disturbed(signature, random));
  },
  'scheme/signing authority': (draft) => {
    draft.scheme = SIGNING_AUTHORITY;
  },
  'scheme/x509': (draft) => {
    draft.scheme = 'notary.x509';
  },
  'time/signed': (draft, random) => {
    draft.time = days(draft.now, random.pick([-2000, -500, -99, -1, -0.01, 0.1, 1, 300, 5000]));
  },
  'time/signed long ago': (draft, random) => {
    draft.time = new Date(
      random.pick(['1969-12-31T23:59:59Z', '1970-01-01T00:00:00Z', '0001-01-01T00:00:01Z', '1900-01-01T00:00:00Z', '9999-12-31T23:59:59Z']),
    );
  },
  'expiry/set': (draft, random) => {
    draft.expiry = days(draft.now, random.pick([-1000, -30.5, -29, -1, -0.05, 0.05, 1, 300, 100_000]));
  },
  'expiry/at signing': (draft, random) => {
    draft.expiry = new Date(draft.time.getTime() + random.pick([-1000, 0, 1000]));
  },
  'expiry/expired': (draft) => {
    draft.expiry = days(draft.now, -1);
  },
  'attribute/more': (draft, random) => {
    draft.attributes.push({
      name: random.pick(['com.example.a', 'a', 'io.cncf.notary.unknown', 'X', 'ALG', '\u00e9', 'io.cncf.notary.signingAgent']),
      value: random.pick(['"x"', '1', '1.5', 'true', 'null', '[]', '{}', '{"a":[1,{"b":null}]}']),
      critical: random.oneIn(4),
    });
  },
  'attribute/plugin': (draft, random) => {
    draft.attributes.push({ name: NAME.plugin, value: random.pick(PLUGIN_VALUES), critical: !random.oneIn(3) });
  },
  'attribute/plugin version': (draft, random) => {
    draft.attributes.push({
      name: NAME.pluginMinVersion,
      value: random.pick(['"1.0.0"', '"x"', '""', '5', 'null']),
      critical: !random.oneIn(3),
    });
  },
  'attribute/both plugin attributes': (draft, random) => {
    draft.attributes.push({ name: NAME.plugin, value: '"com.example.plugin"', critical: true });
    draft.attributes.push({ name: NAME.pluginMinVersion, value: random.pick(['"1.0.0"', '"x"', '""', '5']), critical: !random.oneIn(3) });
  },
  'media type/other': (draft, random) => {
    draft.mediaType = random.pick([
      'application/jose+json',
      'application/cose',
      'Application/JOSE+JSON',
      'application/jose+json; charset=utf-8',
      'application/jose',
      'application/json',
      '',
      ' application/cose',
      'application/vnd.oci.image.layer.v1.tar',
    ]);
  },
  'bytes/disturbed': (draft, random) => {
    draft.bendBytes.push((bytes) => disturbed(bytes, random));
  },
  'bytes/disturbed much': (draft, random) => {
    draft.bendBytes.push((bytes) =>
      Array.from({ length: 2 + random.below(6) }).reduce<Uint8Array>((bent) => disturbed(bent, random), bytes),
    );
  },
  'bytes/garbage': (draft, random) => {
    draft.bendBytes.push(() => random.bytes(random.below(200)));
  },
};
