import type { Area } from '../types.ts';

const JWS_HEADERS = 'JWS: Protected Headers';
const COSE_HEADERS = 'COSE: Protected Header';
const COSE_ENVELOPE = 'COSE: Signature Envelope; RFC 9052 4.2';

/** What the bytes of a signature must be, and what was signed. */
export const ENVELOPES: readonly Area[] = [
  {
    name: 'JWS envelope',
    rules: [
      ['Six kinds of key sign, each with one algorithm.', 'Signature: Algorithm Selection; JWS: Supported alg', [56], ['D11']],
      ['`none` and symmetric algorithms are refused.', 'JWS: Implementation Constraints', [57, 58]],
      ['`alg` is the algorithm of the key of the first certificate.', 'JWS: Protected Headers, alg', [60, 61, 62]],
      ['`alg` is a text in the protected header, spelled exactly.', 'RFC 7515 4.1.1', [64, 65, 66]],
      ['An ECDSA signature is r and s of fixed width, neither 0; s may be in either half.', 'RFC 7518 3.4', [68, 69, 70]],
      ['Payload and protected header are what was signed, as they stand.', 'JWS: Signature; RFC 7515 5.2', [72, 73, 74]],
      [
        '`x5c` in the unprotected header is a list of certificates in standard base64, the signing one first.',
        'JWS: Unprotected Headers; RFC 7515 4.1.6',
        [76, 77, 78, 80, 81],
        ['octets as numbers'],
      ],
      ['Another certificate for the same key is another signer.', 'Trust: Validate Authenticity', [82]],
      ['Only the flattened JSON serialization is read.', 'JWS: Signature Envelope', [84, 85, 86]],
      ['There are no other members at the top.', 'JWS: Signature Envelope', [88], ['D5']],
      ['Unknown unprotected members, and what the signing agent says, mean nothing.', 'Signature: Unsigned Attributes', [89, 90, 129]],
      [
        'A member name stands once, and in its own case.',
        'RFC 7515 4 and 5.2; RFC 8725 2.4',
        [92, 93, 94],
        ['D6 duplicates', 'D6 case', 'lone surrogates'],
      ],
      ['base64url has no padding, no other characters, and no bits to spare.', 'JWS: Signature; RFC 7515 2', [96, 97, 98], ['D7']],
      ['There are exactly two dots in what was signed and the signature.', 'RFC 7515 5.2', [100]],
      ['The protected header is a JSON object and nothing after it.', 'RFC 7515 4', [101, 102], ['caps']],
      ['The payload is a JSON object; what follows it fails the payload.', 'reference: golang-jwt, claims', [104, 105]],
      ['`crit` is there and names the scheme.', 'JWS: Protected Headers, crit', [106]],
      ['Expiry and authentic signing time, where they are, are critical.', 'JWS: Protected Headers, crit', [108, 109]],
      ['`crit` names nothing twice and nothing that is not there.', 'RFC 7515 4.1.11', [110, 112, 113]],
      ['A critical attribute that is not understood fails the signature.', 'Signature: Extended attributes', [114], ['D1']],
      ['`b64` is not supported.', 'RFC 7797 6', [116], ['116']],
      ['The scheme is one of two, spelled exactly.', 'Scheme: Signature Verification', [117]],
      ['Each scheme has its own time, must have it, and must not have the other.', JWS_HEADERS, [118, 120, 121]],
      ["Go's zero time is no time.", 'reference: notation-core-go signature/internal/base', [122]],
      ['Times are text of RFC 3339.', `${JWS_HEADERS}; RFC 3339 5.6`, [124, 125, 126], ['D31', 'escaped times']],
      ['The content type is that of version 1 of the payload, byte for byte.', 'Signature: Payload; JWS: Protected Headers, cty', [128]],
    ],
  },
  {
    name: 'COSE envelope',
    rules: [
      ['Six kinds of key sign, each with one algorithm.', 'Signature: Algorithm Selection; COSE: Supported alg', [130]],
      ['The message is COSE_Sign1, its tag in one byte and four items.', COSE_ENVELOPE, [132, 133, 134], ['self-described']],
      ['There are no indefinite lengths, and nothing after the message.', 'reference: go-cose, fxamacker/cbor', [136, 137, 138]],
      ['A label stands once, however it is written.', 'RFC 9052 3; RFC 8949 5.6', [140, 141]],
      ['What was signed are the bytes of the protected header as they came, in any order.', 'RFC 9052 4.4', [142, 144, 145]],
      ['Payload and signature are there.', COSE_ENVELOPE, [146, 148]],
      ['`alg` is an integer in the protected header.', `${COSE_HEADERS}, alg`, [149, 150]],
      ['`alg` is the algorithm of the key of the first certificate.', `${COSE_HEADERS}, alg`, [152, 153]],
      ['`crit` is protected, names the scheme, and nothing that is not there.', `${COSE_HEADERS}, crit; RFC 9052 3.1`, [154, 156, 157]],
      ['`crit` may name labels 1 to 8 too.', 'reference: notation-core-go signature/cose', [158]],
      ['An expiry is critical.', `${COSE_HEADERS}, crit`, [160]],
      ['The content type is text of the form `type/subtype`.', `${COSE_HEADERS}, content type; RFC 9052 3.1`, [161, 162]],
      ['The scheme is text.', COSE_HEADERS, [164]],
      ['Times are numbers of seconds under tag 1.', COSE_HEADERS, [165, 166, 168], ['no time']],
      ['Each scheme must not have the time of the other.', COSE_HEADERS, [169], ['D10']],
      [
        '`x5chain` in the unprotected header is a list of byte strings, the signing certificate first.',
        'COSE: Unprotected Headers; RFC 9360 2',
        [170, 172, 173],
      ],
      ['There are no tags in the unprotected header.', 'reference: go-cose', [174], ['CBOR values', 'countersignatures']],
      ['Text is UTF-8; nesting, and what is announced, are bounded.', 'RFC 8949 3.1; reference: fxamacker/cbor', [176, 177], ['caps']],
      ['A timestamp that is no byte string is none.', 'reference: notation-core-go signature/cose', [178]],
      ['A payload that is not JSON fails the payload, not the envelope.', 'reference: notation-core-go signature/cose', [180]],
    ],
  },
  {
    name: 'Payload',
    rules: [
      [
        'Media type, digest and size are those of the image.',
        'Signature: Payload; Workflow: OCI artifact verification',
        [181, 182],
        ['minus zero'],
      ],
      ['A size is an integer, compared without rounding.', 'Signature: Payload; image-spec: Descriptor', [184, 185]],
      ['A member name stands once.', 'RFC 8259 4', [186], ['D6 duplicates', 'D6 case']],
      ['Annotations are text; members that are not known mean nothing.', 'Signature: Payload', [188, 189], ['octets as numbers']],
      ['Nothing signed is nothing about this image.', 'Signature: Payload', [190]],
      ['The payload is compared at every level but skip.', 'reference: notation-go verifier/verifier.go', [192]],
      ['Metadata that is asked for was signed with equal values.', 'Workflow: OCI artifact verification', [193, 194]],
    ],
  },
];
