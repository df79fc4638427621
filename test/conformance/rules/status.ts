import type { Area } from '../types.ts';

const TIMESTAMP = 'Trust: Validate Trusted Timestamp';
const OCSP = 'Trust: Revocation Checking with OCSP';
const CRL = 'Trust: Revocation Checking with CRL';
const DELTA = 'Trust: Revocation Checking with Delta CRLs';
const REVOCATION = 'Trust: Certificate Revocation Evaluation';
const PLUGINS = 'Signature: Extended attributes for Notation Plugins';

/** Time, revocation, and what is left. */
export const STATUS: readonly Area[] = [
  {
    name: 'Timestamp',
    rules: [
      ['A good token stands for the time of verification.', TIMESTAMP, [312, 313]],
      [
        'Without a `tsa` store no token is looked at, and certificates must be valid now.',
        'reference: notation-go verifier/timestamp.go',
        [314],
      ],
      [
        'afterCertExpiry asks for a token only when a certificate has expired.',
        'reference: notation-go verifier/timestamp.go',
        [316, 317, 318],
      ],
      ['The token is about the bytes of this signature.', `${TIMESTAMP}; RFC 3161 2.4.2`, [320, 321, 322]],
      ['The hash of the imprint is SHA-256, SHA-384 or SHA-512.', TIMESTAMP, [324]],
      [
        'The token is version 1 of TSTInfo in SignedData, in lengths that are definite.',
        'RFC 3161 2.4.2; RFC 5652 5',
        [325, 326, 328, 329],
        ['strict tokens', 'exact parameters'],
      ],
      ['What was signed is the set of signed attributes in DER order.', 'RFC 5652 5.4', [330]],
      ['The signed attributes name the content and its digest.', 'RFC 5652 11.1 and 11.2', [332, 333]],
      ['The signing certificate is named by its hash, in version 2 of the attribute.', `${TIMESTAMP}; RFC 5816 3`, [334, 336]],
      ['One good signer is enough, and its certificate comes along.', 'reference: tspclient-go token.go', [337, 338]],
      ['The authority leads to a root of a `tsa` store, which holds roots alone.', TIMESTAMP, [340, 341], ['names and policies']],
      [
        "The authority's leaf has timeStamping alone, critical, and a key that signs.",
        'Signature: Leaf Certificates, Extended Key Usage',
        [342, 344],
      ],
      ["The authority's certificates were valid at the token's time.", 'reference: tspclient-go token.go', [345, 346]],
      ['The time with its accuracy lies in the validity of every signing certificate.', TIMESTAMP, [348, 349]],
      ['A revoked authority fails the token, whatever the policy says of revocation.', TIMESTAMP, [350]],
      ['A bad token is logged where the level logs.', 'Trust: Signature Verification details', [352]],
    ],
  },
  {
    name: 'OCSP',
    rules: [
      ['A fresh answer of the issuer, or of one that it made a responder, that says good is good.', OCSP, [353]],
      ['Revoked is revoked; unknown, and everything that cannot be found out, is unknown.', OCSP, [354, 356], ['unavailable', 'network']],
      ['Where OCSP does not know, the lists are asked; where it does, they are not.', REVOCATION, [357, 358, 360]],
      ['Only URLs of http are asked.', 'reference: notation-core-go revocation/internal/ocsp', [361, 376], ['376']],
      ['Responders are asked in order, until one knows.', 'Trust: OCSP Download', [362]],
      [
        'The answer is about this certificate of this issuer, from a responder that the issuer made one, valid now.',
        `${OCSP}; RFC 6960 3.2 and 4.2.2.2`,
        [364, 365, 366, 368, 369, 370],
        ['D21', 'strict answers', 'strict answers, revoked'],
      ],
      ['Answers are bounded, current, and no errors.', `${OCSP}; RFC 6960 2.3`, [372, 373], ['D22', 'D30']],
      ['Invalid only after an authentic signing time is good.', 'Trust: Revocation Checking with OCSP, InvalidityDate', [374]],
      ['A root, alone or above others, is not asked about.', 'reference: notation-core-go revocation', [377]],
    ],
  },
  {
    name: 'CRL',
    rules: [
      ['Listed, for whatever reason, is revoked.', CRL, [378]],
      ["A list is signed by the certificate's issuer, who may sign lists.", `${CRL}; RFC 5280 6.3.3`, [380, 381], ['D30']],
      ['A list is DER and nothing after it.', 'reference: notation-core-go revocation/crl', [382], ['strict answers']],
      ['Only URLs of http are fetched.', CRL, [384], ['network']],
      ['All lists that a certificate names must be good.', 'reference: notation-core-go revocation/crl', [385]],
      ['A critical extension that is not known makes a list useless.', 'RFC 5280 5.2', [386], ['D22']],
      ['A hold is revoked until a later delta lifts it.', `${DELTA}; RFC 5280 5.3.1`, [388, 389, 390]],
      ['A delta that is named must be had; one that the certificate alone names is not supported.', DELTA, [392, 393]],
      ['Invalid only after an authentic signing time is good.', `${CRL}, InvalidityDate`, [394]],
      [
        'What is kept is checked like what is fetched, and what does not read is fetched again.',
        'Trust: CRLs',
        [396, 397],
        ['kept answers'],
      ],
      ['A certificate that names neither OCSP nor CRL is good.', REVOCATION, [398]],
    ],
  },
  {
    name: 'Plugins and extended attributes',
    rules: [
      ['A plugin that is named is critical, and its name is text.', PLUGINS, [400, 401]],
      ['A minimum version alone means nothing, unless it is critical.', PLUGINS, [402], ['D1']],
      [
        'There are no plugins here, so that a signature that names one fails at every level but skip.',
        'Signature: Guidelines for implementations',
        [404, 405, 'A-S-39'],
      ],
      ['A corrupt signature fails before a plugin is thought of.', 'reference: notation-go verifier/verifier.go', [406]],
    ],
  },
  {
    name: 'Blobs and robustness',
    rules: [
      ['Detached signatures of blobs follow rules of their own.', 'Workflow: Arbitrary blob verification', [408, 409, 410]],
      ['Nesting, chains and keys of any size end in a refusal, in bounded time.', 'this project', [412, 413, 414], ['caps']],
      ['Requests at the same time have their own verdicts.', 'this project', [416]],
      ['No verdict, and no answer that is kept, outlives what it rests on.', 'this project', [417]],
    ],
  },
];
