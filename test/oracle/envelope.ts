import * as cbor from '../cbor-writer.ts';
import { concat } from '../der-writer.ts';
import type { Issued } from '../pki.ts';
import { PAYLOAD_TYPE, SIGNING_AUTHORITY, signatureOver, suiteOf } from '../sign.ts';
import { type Bend, type Draft, type Made, type Member, NAME } from './draft.ts';

/** Signs a draft whose chain has been issued, and puts the envelope together. */
export function sealed(made: Made): Uint8Array {
  const { draft } = made;
  return through(draft.bendBytes, draft.format === 'jws' ? jws(made) : cose(made));
}

export function through<T>(bends: readonly Bend<T>[], value: T): T {
  return bends.reduce((bent, bend) => bend(bent), value);
}

/** JSON of these members, duplicates and all. */
export function objectText(members: readonly Member[]): string {
  return `{${members.map(([name, json]) => `${JSON.stringify(name)}:${json}`).join(',')}}`;
}

function jws(made: Made): Uint8Array {
  const { draft } = made;
  const members: Member[] = [
    ['alg', JSON.stringify(suiteOf(draft.signAs ?? draft.leaf.key).jws)],
    ['cty', JSON.stringify(PAYLOAD_TYPE)],
    ['crit', JSON.stringify(criticalNames(draft))],
    [NAME.scheme, JSON.stringify(draft.scheme)],
    ...times(draft).map(([name, time]): Member => [name, JSON.stringify(time.toISOString().replace('.000Z', 'Z'))]),
    ...draft.attributes.map(({ name, value }): Member => [name, value]),
  ];
  const protectedText = base64Url(through(draft.bendJwsProtectedText, objectText(through(draft.bendJwsProtected, members))));
  const payload = base64Url(payloadOf(draft));
  const signature = signatureOf(Buffer.from(`${protectedText}.${payload}`), made);
  const stamp = draft.timestamp?.(signature, made);
  const header: Member[] = [
    ['x5c', JSON.stringify(chainOf(made).map((der) => Buffer.from(der).toString('base64')))],
    ...(stamp === undefined ? [] : [[NAME.timestamp, JSON.stringify(Buffer.from(stamp).toString('base64'))] as Member]),
    [NAME.agent, '"oracle/1.0"'],
  ];
  const envelope: Member[] = [
    ['payload', JSON.stringify(payload)],
    ['protected', JSON.stringify(protectedText)],
    ['header', objectText(through(draft.bendJwsHeader, header))],
    ['signature', JSON.stringify(base64Url(signature))],
  ];
  return Buffer.from(objectText(through(draft.bendJwsEnvelope, envelope)));
}

function cose(made: Made): Uint8Array {
  const { draft } = made;
  const entries: cbor.Entry[] = [
    [cbor.int(1), cbor.int(suiteOf(draft.signAs ?? draft.leaf.key).cose)],
    [cbor.int(2), cbor.array(...criticalNames(draft).map(cbor.text))],
    [cbor.int(3), cbor.text(PAYLOAD_TYPE)],
    [cbor.text(NAME.scheme), cbor.text(draft.scheme)],
    ...times(draft).map(([name, time]): cbor.Entry => [cbor.text(name), cbor.tag(1, cbor.int(time.getTime() / 1000))]),
    ...draft.attributes.map(({ name, value }): cbor.Entry => [cbor.text(name), cborOf(JSON.parse(value))]),
  ];
  const protectedBytes = through(draft.bendCoseProtectedBytes, cbor.map(...through(draft.bendCoseProtected, entries)));
  const payload = Buffer.from(payloadOf(draft));
  const signed = cbor.array(cbor.text('Signature1'), cbor.bytes(protectedBytes), cbor.bytes(new Uint8Array()), cbor.bytes(payload));
  const signature = signatureOf(signed, made);
  const stamp = draft.timestamp?.(signature, made);
  const unprotected: cbor.Entry[] = [
    [cbor.int(33), cbor.array(...chainOf(made).map(cbor.bytes))],
    ...(stamp === undefined ? [] : [[cbor.text(NAME.timestamp), cbor.bytes(stamp)] as const]),
    [cbor.text(NAME.agent), cbor.text('oracle/1.0')],
  ];
  const items = [
    cbor.bytes(protectedBytes),
    cbor.map(...through(draft.bendCoseUnprotected, unprotected)),
    cbor.bytes(payload),
    cbor.bytes(signature),
  ];
  return concat([draft.cosePrefix ?? Uint8Array.of(0xd2, 0x84), ...through(draft.bendCoseMessage, items)]);
}

function payloadOf({ target, payloadMembers, bendPayload }: Draft): string {
  return through(bendPayload, objectText([['targetArtifact', objectText(target)], ...payloadMembers]));
}

/** Names that `crit` holds for a draft as it stands. */
function criticalNames({ scheme, expiry, attributes }: Draft): string[] {
  return [
    NAME.scheme,
    ...(scheme === SIGNING_AUTHORITY ? [NAME.authenticSigningTime] : []),
    ...(expiry === undefined ? [] : [NAME.expiry]),
    ...attributes.filter(({ critical }) => critical).map(({ name }) => name),
  ];
}

function times({ scheme, time, expiry }: Draft): [name: string, time: Date][] {
  const name = scheme === SIGNING_AUTHORITY ? NAME.authenticSigningTime : NAME.signingTime;
  return [[name, time], ...(expiry === undefined ? [] : [[NAME.expiry, expiry] as [string, Date]])];
}

function chainOf(made: Made): readonly Uint8Array[] {
  const chain = made.chain.map(({ cert }) => cert);
  return made.draft.bendChain.reduce((bent, bend) => bend(bent, made), chain);
}

function signatureOf(data: Uint8Array, { draft, chain }: Made): Uint8Array {
  const [leaf] = chain as [Issued, ...Issued[]];
  const signer = draft.signWith === 'leaf' ? leaf : { ...leaf, privateKey: draft.keys.get(leaf.key, 'other') };
  const bendSignature = (signature: Uint8Array): Uint8Array => through(draft.bendSignature, signature);
  const options = { signer, bendSignature, ...(draft.saltLength !== undefined && { saltLength: draft.saltLength }) };
  try {
    return signatureOver(data, options, suiteOf(draft.signAs ?? leaf.key));
  } catch {
    // A key too short for the hash: some octets of the right number.
    return bendSignature(new Uint8Array(128));
  }
}

/** CBOR of a JSON value: what an attribute is in the other format. */
function cborOf(value: unknown): Uint8Array {
  if (typeof value === 'string') return cbor.text(value);
  if (typeof value === 'number') return Number.isInteger(value) ? cbor.int(value) : cbor.float64(value);
  if (typeof value === 'boolean') return value ? cbor.TRUE : cbor.FALSE;
  if (value === null) return cbor.NULL;
  if (Array.isArray(value)) return cbor.array(...value.map(cborOf));
  return cbor.map(...Object.entries(value as object).map(([name, member]): cbor.Entry => [cbor.text(name), cborOf(member)]));
}

function base64Url(data: Uint8Array | string): string {
  return Buffer.from(data).toString('base64url');
}
