import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readDocument } from '../../src/attestations/occurrence.ts';
import { base64, genericOccurrence, IMAGE, imageSignature, OTHER_IMAGE, occurrence, pgpOccurrence } from './statements.ts';

const read = (document: unknown) =>
  readDocument(Buffer.from(typeof document === 'string' ? document : JSON.stringify(document)), 'a.json', IMAGE);

describe('reading statements', () => {
  it('reads a generic attestation with its note, its bytes and all its signatures', () => {
    const signatures = [
      { signature: base64('one'), publicKeyId: 'key-1' },
      { signature: base64('two'), publicKeyId: 'key-2' },
    ];
    expect(read(genericOccurrence({ signatures }))).toEqual({
      attestations: [
        {
          name: 'projects/p/occurrences/1',
          note: 'projects/p/notes/built',
          format: 'simple-signing',
          payload: Buffer.from('payload'),
          signatures: [
            { keyId: 'key-1', signature: Buffer.from('one') },
            { keyId: 'key-2', signature: Buffer.from('two') },
          ],
        },
      ],
      problems: [],
    });
  });

  it('reads an OpenPGP message as it is, with the fingerprint beside it', () => {
    expect(read(pgpOccurrence()).attestations).toEqual([
      expect.objectContaining({
        format: 'pgp',
        payload: Buffer.from('-----BEGIN PGP MESSAGE-----'),
        signatures: [{ keyId: 'ABCD', signature: new Uint8Array() }],
      }),
    ]);
  });

  it('reads an image signature of OCI: the decoded message is what was signed', () => {
    expect(read(imageSignature())).toEqual({
      attestations: [
        {
          name: 'ocid1.containersignature.oc1..s',
          format: 'vault',
          payload: Buffer.from(JSON.stringify({ imageDigest: IMAGE })),
          signatures: [
            {
              keyId: 'ocid1.key.oc1..k',
              keyVersion: 'ocid1.keyversion.oc1..v',
              algorithm: 'SHA_256_RSA_PKCS_PSS',
              signature: Buffer.from('a signature'),
            },
          ],
        },
      ],
      problems: [],
    });
  });

  it('takes the names of protocol buffers for those of JSON', () => {
    const snake = {
      resource: { uri: `https://registry.test/team/app@${IMAGE}` },
      note_name: 'projects/p/notes/built',
      attestation: {
        attestation: {
          generic_signed_attestation: {
            content_type: 'SIMPLE_SIGNING_JSON',
            serialized_payload: base64('payload'),
            signatures: [{ signature: base64('one'), public_key_id: 'key-1' }],
          },
        },
      },
    };
    expect(read(snake)).toMatchObject({ attestations: [{ name: 'a.json', note: 'projects/p/notes/built' }], problems: [] });
  });

  it.each([
    ['a list of occurrences', { occurrences: [occurrence(), occurrence({ name: 'second' })] }, 2],
    ['a list of image signatures', { items: [imageSignature(), imageSignature()] }, 2],
    ['an empty list', { occurrences: [] }, 0],
    ['an empty list as Go writes it', { items: null }, 0],
    ['an occurrence without a kind', occurrence({ kind: undefined }), 1],
    ['an occurrence of the kind that kritis asks for', occurrence({ kind: 'ATTESTATION_AUTHORITY' }), 1],
    ['an occurrence of another kind', occurrence({ kind: 'VULNERABILITY', attestation: undefined, vulnerability: {} }), 0],
    ['an occurrence about another image', occurrence({}, { digest: OTHER_IMAGE }), 0],
    ['a broken occurrence about another image', occurrence({ attestation: 7 }, { digest: OTHER_IMAGE }), 0],
    ['bytes in base64url', genericOccurrence({ serializedPayload: '_-8' }), 1],
    ['no content type', genericOccurrence({ contentType: undefined }), 1],
    ['an image signature about another image', imageSignature({}, OTHER_IMAGE), 0],
    ['an image signature whose message is no JSON', imageSignature({ message: base64('hello') }), 1],
    ['an image signature filed under this image, about another', imageSignature({ imageDigest: IMAGE }, OTHER_IMAGE), 1],
  ])('has no problem with %s', (_case, document, count) => {
    const { attestations, problems } = read(document);
    expect({ count: attestations.length, problems }).toEqual({ count, problems: [] });
  });

  it.each<[string, unknown, RegExp]>([
    ['no JSON', 'hello', /^a\.json: not JSON/],
    ['an empty file', '', /^a\.json: not JSON/],
    ['two members of one name', '{"name": "a", "name": "b"}', /not JSON: duplicate member/],
    ['a text', '"hello"', /expected an occurrence or an image signature/],
    ['a list without a name', [occurrence()], /expected an occurrence or an image signature/],
    ['an empty object', {}, /resource\.uri/],
    ['a list that is none', { occurrences: 'many' }, /resource\.uri/],
    ['an occurrence without a resource', occurrence({ resource: undefined }), /resource\.uri to end with a digest, found ""$/],
    ['a resource by tag', occurrence({ resource: { uri: 'https://registry.test/app:v1' } }), /to end with a digest/],
    ['a resource that is no text', occurrence({ resource: { uri: 7 } }), /expected uri to be a string/],
    ['a digest in capitals', occurrence({ resource: { uri: `https://r/app@${IMAGE.toUpperCase()}` } }), /to end with a digest/],
    ['a kind that is no text', occurrence({ kind: 6 }), /expected kind to be a string/],
    ['an attestation of another kind', occurrence({ kind: 'BUILD' }), /of kind "BUILD"; expected ATTESTATION$/],
    ['the kind without the attestation', occurrence({ attestation: undefined }), /has no attestation\.attestation$/],
    ['an attestation that is no object', occurrence({ attestation: [] }), /has no attestation\.attestation$/],
    ['an attestation of neither form', occurrence({ attestation: { attestation: {} } }), /expected one of pgpSigned/],
    ['the form of v1', occurrence({ attestation: { serializedPayload: base64('x'), signatures: [] } }), /has no attestation/],
    [
      'an attestation of both forms',
      occurrence({ attestation: { attestation: { pgpSignedAttestation: {}, genericSignedAttestation: {} } } }),
      /expected one of pgpSigned/,
    ],
    ['a member under both its names', occurrence({ note_name: 'x' }), /has both noteName and note_name$/],
    ['a note that is no text', occurrence({ noteName: {} }), /expected noteName to be a string/],
    ['another content type', genericOccurrence({ contentType: 'JWT' }), /contentType "JWT"; expected SIMPLE_SIGNING_JSON$/],
    ['no payload', genericOccurrence({ serializedPayload: undefined }), /serializedPayload to be base64/],
    ['an empty payload', genericOccurrence({ serializedPayload: '' }), /serializedPayload to be base64/],
    ['a payload that is no base64', genericOccurrence({ serializedPayload: 'a b' }), /serializedPayload to be base64/],
    ['no signatures', genericOccurrence({ signatures: undefined }), /has no signatures$/],
    ['an empty list of signatures', genericOccurrence({ signatures: [] }), /has no signatures$/],
    ['a signature that is no object', genericOccurrence({ signatures: ['x'] }), /signatures\[0\]: expected an object$/],
    ['a signature without a key', genericOccurrence({ signatures: [{ signature: base64('x') }] }), /signatures\[0\]: has no publicKeyId$/],
    ['a key without a signature', genericOccurrence({ signatures: [{ publicKeyId: 'k' }] }), /signature to be base64/],
    ['a signature that is no base64', genericOccurrence({ signatures: [{ publicKeyId: 'k', signature: '%' }] }), /signature to be base64/],
    ['an OpenPGP message without a fingerprint', pgpOccurrence({ pgpKeyId: '' }), /expected signature and pgpKeyId/],
    ['a fingerprint without an OpenPGP message', pgpOccurrence({ signature: undefined }), /expected signature and pgpKeyId/],
    ['an OpenPGP message of another content type', pgpOccurrence({ contentType: 'X' }), /contentType "X"/],
    ['an image signature without a message', imageSignature({ message: '' }), /has no message$/],
    ['an image signature whose message is no base64', imageSignature({ message: '{}' }), /expected message to be base64$/],
    ['an image signature that is no base64', imageSignature({ signature: '%' }), /expected signature to be base64$/],
    ['an image signature without a key', imageSignature({ kmsKeyId: undefined }), /has no kmsKeyId$/],
    ['an image signature without a key version', imageSignature({ kmsKeyVersionId: undefined }), /has no kmsKeyVersionId$/],
    ['an image signature without an algorithm', imageSignature({ signingAlgorithm: undefined }), /has no signingAlgorithm$/],
    ['an image signature filed under no text', imageSignature({ imageDigest: 7 }), /expected imageDigest to be a string$/],
  ])('gives nothing for %s, and says what is wrong', (_case, document, problem) => {
    expect(read(document)).toEqual({ attestations: [], problems: [expect.stringMatching(problem)] });
  });

  it('does not hide a good statement behind a bad one, nor the bad one behind the good', () => {
    const { attestations, problems } = read({ occurrences: [genericOccurrence({ signatures: [] }), occurrence({ name: 'good' })] });
    expect(attestations.map(({ name }) => name)).toEqual(['good']);
    expect(problems).toEqual(['projects/p/occurrences/1: has no signatures']);
  });

  it('keeps the good signatures of a statement with a bad one', () => {
    const signatures = [
      { signature: '%', publicKeyId: 'a' },
      { signature: base64('x'), publicKeyId: 'b' },
    ];
    const { attestations, problems } = read(genericOccurrence({ signatures }));
    expect(attestations[0]?.signatures.map(({ keyId }) => keyId)).toEqual(['b']);
    expect(problems).toEqual([expect.stringMatching(/^projects\/p\/occurrences\/1: signatures\[0\]/)]);
  });

  it('takes whatever it is filed under where the place says what it is about', () => {
    const { attestations } = readDocument(Buffer.from(JSON.stringify(occurrence({ resource: undefined }))), 'a.json');
    expect(attestations).toHaveLength(1);
  });

  it('names what has no name of its own, or one that is not fit to be shown, by its place', () => {
    const names = read({ occurrences: [occurrence({ name: undefined }), occurrence({ name: 'a\nb' }), occurrence({ name: '' })] });
    expect(names.attestations.map(({ name }) => name)).toEqual(['a.json[0]', 'a.json[1]', 'a.json[2]']);
  });

  // What a document may consist of, well-formed and not.
  const words = fc.constantFrom(
    ...['occurrences', 'items', 'attestation', 'pgpSignedAttestation', 'generic_signed_attestation', 'signatures', 'resource', 'uri'],
    ...['kind', 'message', 'signature', 'noteName', 'note_name', 'imageDigest', '__proto__', 'name'],
  );
  const { anything } = fc.letrec((tie) => ({
    anything: fc.oneof(
      { maxDepth: 5 },
      fc.constantFrom<unknown>(null, true, 7, '', 'ATTESTATION', base64('x'), `https://r/a@${IMAGE}`, IMAGE),
      fc.array(tie('anything'), { maxLength: 3 }),
      fc.dictionary(words, tie('anything'), { maxKeys: 5, noNullPrototype: true }),
      fc.constantFrom<unknown>(occurrence(), genericOccurrence({ signatures: [] }), pgpOccurrence(), imageSignature()),
    ),
  }));

  it('has no error for any JSON, and gives no statement without bytes and signatures', () => {
    fc.assert(
      fc.property(anything, (document) => {
        for (const { payload, signatures } of read(document ?? null).attestations) {
          expect(payload.length * signatures.length).toBeGreaterThan(0);
          expect(signatures.every(({ keyId }) => keyId !== '')).toBe(true);
        }
      }),
    );
  });

  it('has no error for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const { attestations, problems } = readDocument(bytes, 'a.json', IMAGE);
        expect([attestations.length, problems.length]).toEqual([0, 1]);
      }),
    );
  });
});
