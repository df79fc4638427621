import type { Area } from '../types.ts';

const CA = 'Signature: Root and Intermediate CA Certificates';
const LEAF = 'Signature: Leaf Certificates';
const OTHER = 'Signature: Other requirements';
const STORE = 'Trust: Trust Store';
const PROPERTIES = 'Trust: Trust Policy Properties';
const CUSTOM = 'Trust: Custom Verification Level';
const SCOPES = 'Trust: Registry Scopes Constraints';
const SELECTING = 'Trust: Selecting a trust policy';
const IDENTITIES = 'Trust: Trusted Identities Constraints';
const LEVELS = 'Trust: Signature Verification details';

/** Who may sign, and how much of it must hold. */
export const TRUST: readonly Area[] = [
  {
    name: 'Certificate chain',
    rules: [
      ['A self-signed leaf alone is a chain; a self-signed CA is not.', OTHER, [196, 197]],
      ['The chain is complete and in order, without a certificate that does not belong.', OTHER, [198, 200, 201, 202], ['caps']],
      ['Each certificate is signed by the next and names it byte for byte.', 'RFC 5280 6.1.3', [204, 205]],
      ['A leaf has a critical keyUsage with digitalSignature, and none of the seven others.', `${LEAF}, Key Usage`, [206, 208, 209, 210]],
      ['A leaf may have extendedKeyUsage, critical or not, with none of five purposes.', `${LEAF}, Extended Key Usage`, [212, 213]],
      ['A leaf has no anyExtendedKeyUsage.', `${LEAF}, Extended Key Usage`, [214], ['D2']],
      ['A leaf is no CA.', `${LEAF}, Basic Constraints`, [216]],
      ["A leaf's key is RSA of 2048, 3072 or 4096 bits, or EC on P-256, P-384 or P-521.", `${LEAF}, Key Length`, [217, 218]],
      ['A CA says that it is one, with a path length that suffices.', `${CA}, Basic Constraints`, [220, 221, '5.2']],
      ['A CA has a critical keyUsage with keyCertSign.', `${CA}, Key Usage`, [222]],
      ['No certificate is signed with SHA-1 or MD5, a self-signed leaf included.', OTHER, [224, 225], ['D3']],
      ['Other extensions, critical or not, mean nothing.', OTHER, [226], ['distribution points']],
      ['A certificate is DER that RFC 5280 allows.', 'RFC 5280 4.1', [228], ['strict DER']],
      [
        'Validity is part of the timestamp step, for every certificate, both ends included.',
        'Trust: Validate Trusted Timestamp',
        [229, 230, 232],
      ],
    ],
  },
  {
    name: 'Trust store and authenticity',
    rules: [
      ['Some certificate of the chain is in a store of the statement, byte for byte.', 'Trust: Validate Authenticity', [233, 234]],
      ['Each scheme has its own type of store.', 'Scheme: Trust Stores', [236, 237, 238]],
      [
        'A store that is asked for is there, whole, and holds only CAs and self-signed certificates.',
        STORE,
        [240, 241, 242, 244],
        ['misconfigured', 'PEM files'],
      ],
      ['A store holds files, no links and no folders.', STORE, [245, 246], ['D12, D13, D29']],
      ['Stores of other types do not matter; of several, any may match and all must load.', STORE, [248, 249]],
      ['At level audit, no trusted certificate is logged.', LEVELS, [250]],
    ],
  },
  {
    name: 'Trust policy',
    rules: [
      ['The version is the text `1.0`.', PROPERTIES, [252, 'P1', 'P2']],
      ['There is one document, and members that are not known mean nothing.', PROPERTIES, [253, 254], ['D16', 'D6 policy']],
      ['There are statements, with names, and each name stands once.', PROPERTIES, ['P3', 'P4', 'P5']],
      ['The level is one of four.', PROPERTIES, ['P6', 'P7']],
      ['Level skip has no overrides, stores or identities.', CUSTOM, [256, 'P8', 'P14']],
      ['Four validations can be overridden, and revocation alone skipped.', CUSTOM, [257, 'P9', 'P10', 'P11', 'P12']],
      ['verifyTimestamp is always or afterCertExpiry.', 'reference: notation-go verifier/trustpolicy', ['P13']],
      ['A statement that verifies has stores and identities.', PROPERTIES, ['P15']],
      ['A store is named `type:name`, of three types.', PROPERTIES, [258, 260, 'P16', 'P17', 'P18']],
      ['`*` stands alone among identities; an identity has a prefix and a value.', IDENTITIES, ['P19', 'P20', 'P21', 'P22', 'P23']],
      ['No identity is within another.', IDENTITIES, ['P24']],
      ['Scope `*` may go with level skip.', 'reference: notation-go verifier/trustpolicy', [261]],
      ['There are scopes, `*` stands alone, and each stands in one statement.', SCOPES, ['P25', 'P26', 'P29']],
      ['A scope is a full repository, and no pattern.', SCOPES, [262, 264, 265, 266]],
      ['A statement is found by its exact scope, else by `*`; nothing is expanded.', SELECTING, [268, 269, 270], ['host case', 'spelling']],
    ],
  },
  {
    name: 'Trusted identities',
    rules: [
      ['`*` is any subject.', IDENTITIES, [272]],
      ['Every attribute of an identity is in the subject of the leaf, in any order.', IDENTITIES, [273, 274]],
      ['Values are compared byte for byte; an empty one is an absent one.', 'reference: notation-go internal/pkix', [276, 277, 278]],
      [
        'A name has each attribute once, no multi-valued part and no value in hex.',
        'reference: notation-go internal/pkix',
        [280, 281, 282],
      ],
      [
        'Commas are escaped, quotes are nothing special, and nothing is left over.',
        IDENTITIES,
        [284, 285, 286],
        ['escaped space', 'white space'],
      ],
      ['Identities that differ in a value do not overlap; other prefixes never match.', IDENTITIES, [288, 289]],
      [
        'A subject that does not read, or lacks C, ST or O, matches `*` alone; the last of two CNs counts.',
        'reference: notation-go internal/pkix',
        [290, 292, 293],
      ],
      ['The leaf alone is looked at, and its text cannot pose as an attribute.', 'Trust: Validate Authenticity', [294, 296]],
    ],
  },
  {
    name: 'Levels, expiry and schemes',
    rules: [
      ['An expired signature fails where expiry is enforced.', 'Trust: Validate Expiry', [297, 298, 300]],
      ['Integrity is enforced at every level but skip.', LEVELS, [301], ['skip']],
      ['Authenticity is enforced at strict and permissive.', LEVELS, [302]],
      ['A revoked certificate fails where revocation is enforced; skipped, nobody is asked.', LEVELS, [304], ['unavailable', 'strangers']],
      ['The first enforced failure ends it; what is logged is listed.', LEVELS, [305, 306]],
      [
        "An authority's time must lie in the validity of every certificate; its timestamp is not looked at.",
        'Trust: Validate Trusted Timestamp',
        [308, 309],
      ],
      ['The time that a signer claims decides nothing.', 'Signature: Signing time', [310]],
    ],
  },
];
