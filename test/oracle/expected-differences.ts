import type { Pair } from './compare.ts';
import type { Answer } from './judges.ts';

/** A difference that is meant: where it comes from, and which pairs of answers it explains. */
export interface ExpectedDifference {
  readonly id: string;
  readonly why: string;
  readonly matches: (pair: Pair) => boolean;
}

const BENT_CERTIFICATES = ['certificate/', 'chain/', 'stores/disturbed', 'jws/x5c', 'bytes/'];
const ODD_POINTS = ['distribution point', 'extension value', 'extension bent', 'extension disturbed', 'many extensions'].map(
  (name) => `certificate/${name}`,
);
const PAYLOADS = ['payload/'];

/**
 * Where we are stricter on purpose (rows of the conformance page and of design.md 6 and 7), by what we say. Our refusal may come before a
 * failure of another class that the reference goes on to, so the reference's own outcome does not matter to most of them. None is looked at
 * where we accept what the reference refuses.
 */
export const EXPECTED_DIFFERENCES: readonly ExpectedDifference[] = [
  {
    id: 'D1',
    why: 'a critical attribute that nobody understands fails, as the specification says',
    matches: said('CRITICAL_ATTRIBUTE_UNKNOWN', /is not understood/),
  },
  {
    id: 'D2',
    why: 'anyExtendedKeyUsage in a leaf',
    matches: said('CERTIFICATE_CHAIN_INVALID', /must not contain Any eku/),
  },
  {
    id: 'D3',
    why: 'SHA-1 in a self-signed leaf',
    matches: said('CERTIFICATE_CHAIN_INVALID', /invalid self-signed certificate.*insecure algorithm/, ['certificate/']),
  },
  {
    id: 'D5',
    why: 'members of a JWS that no specification knows',
    matches: said('ENVELOPE_INVALID', /unexpected member/, ['jws/envelope', 'jws/deep', 'jws/x5c protected', 'bytes/']),
  },
  {
    id: 'D6 duplicates',
    why: 'a member twice in an envelope, a protected header or a payload',
    matches: either(
      said('ENVELOPE_INVALID', /duplicate member name/),
      said('PAYLOAD_INVALID', /duplicate member name/),
      // The claims of a JWT are read before the payload is.
      said('SIGNATURE_INVALID', /does not begin with a JSON object/, PAYLOADS),
    ),
  },
  {
    id: 'D6 case',
    why: 'a member that differs from a known one in case only',
    matches: either(said('ENVELOPE_INVALID', /differs from .* in case only/), said('PAYLOAD_INVALID', /differs from .* in case only/)),
  },
  {
    id: 'D6 policy',
    why: 'a member of a trust policy in another case, which the reference takes for the real one',
    matches: said('TRUST_POLICY_INVALID', /expected member .* found/, ['policy/member']),
  },
  {
    id: 'D7',
    why: 'base64 with line breaks or unused bits set',
    matches: either(
      said('SIGNATURE_INVALID', /is not base64url without padding/, ['jws/', 'bytes/']),
      said('ENVELOPE_INVALID', /expected (?:x5c|io\.cncf\.notary\.timestampSignature) to be base64/, ['jws/', 'bytes/']),
    ),
  },
  {
    id: 'D10',
    why: "COSE: the other scheme's time must not be there, as in JWS",
    matches: either(
      said('ENVELOPE_INVALID', /header must not be present for notary\.x509/, ['cose/', 'scheme/']),
      said('ENVELOPE_INVALID', /^"io\.cncf\.notary\.(?:authenticSigningTime|signingTime)": (?:only Tag|invalid timeValue)/, ['cose/']),
    ),
  },
  {
    id: 'D11',
    why: 'JWS: a PSS salt of another length than the hash',
    matches: said('SIGNATURE_INVALID', /verification error/, ['signature/salt']),
  },
  {
    id: 'D31',
    why: 'JWS: times with a one-digit hour, a comma, or an offset beyond 23:59',
    matches: said('ENVELOPE_INVALID', /to be an RFC 3339 time/, ['jws/time odd', 'jws/protected']),
  },
  {
    id: 'escaped times',
    why: 'JWS: an escape in the protected header of a character that a time may have',
    matches: said('ENVELOPE_INVALID', /has escapes where a time has none/, ['jws/time escaped', 'jws/member', 'jws/protected']),
  },
  {
    id: '116',
    why: 'JWS: b64, whatever its value',
    matches: said('ENVELOPE_INVALID', /the "b64" header is not supported/, ['jws/']),
  },
  {
    id: 'no time',
    why: 'COSE: an expiry that is no number, or beyond every date',
    matches: said('ENVELOPE_INVALID', /^"io\.cncf\.notary\.expiry": invalid timeValue/, ['cose/']),
  },
  {
    id: 'self-described',
    why: 'COSE: a value marked as CBOR itself, a mark that the reference takes off',
    matches: said('ENVELOPE_INVALID', /header parameter (?:1|3|4|5|6|16) has a value of the wrong type/, ['cose/']),
  },
  {
    id: 'CBOR values',
    why: 'COSE: keys of inner maps that are neither integers nor text, integers below -2^63, times as text in forms that RFC 3339 lacks',
    matches: either(
      said('ENVELOPE_INVALID', /map key that is neither an integer nor text/, ['cose/']),
      said('ENVELOPE_INVALID', /expected integers of 64 bits|marks a value that it is not for/, ['cose/']),
    ),
  },
  {
    id: 'lone surrogates',
    why: 'JSON strings that are no Unicode',
    matches: either(said('PAYLOAD_INVALID', /lone surrogate|not UTF-8/), said('ENVELOPE_INVALID', /lone surrogate|not UTF-8/)),
  },
  {
    id: 'minus zero',
    why: 'a payload that gives an empty artifact the size -0',
    matches: said('PAYLOAD_MISMATCH', /expected size 0, found -0/, ['payload/']),
  },
  {
    id: 'caps',
    why: 'design.md 6: nesting, members of one object, certificates of a chain',
    matches: either(
      said(
        'ENVELOPE_INVALID',
        /nested deeper than|more than \d+ (?:numeric )?(?:member names|members|map keys)|expected at most \d+ certificates/,
      ),
      said('PAYLOAD_INVALID', /nested deeper than|more than \d+ (?:numeric )?(?:member names|members)/),
      stricter('authenticTimestamp', /^timestamp\/many strangers/, /expected at most 10 certificates, got 11/),
    ),
  },
  {
    id: 'strict DER',
    why: 'certificates: everything is DER, nothing follows the last element, times have seconds, keys can be used',
    matches: either(
      said('CERTIFICATE_CHAIN_INVALID', /malformed certificate|unusable public key/, BENT_CERTIFICATES),
      said('TRUST_STORE_INVALID', /malformed certificate|unusable public key/, BENT_CERTIFICATES),
    ),
  },
  {
    id: 'PEM files',
    why: 'trust stores: text after the last block, headers in one, labels other than CERTIFICATE',
    matches: said('TRUST_STORE_INVALID', /malformed certificate: expected an element, got the end/, ['stores/odd pem']),
  },
  {
    id: 'escaped space',
    why: 'a distinguished name that ends with an escaped space, which go-ldap reads from 3.4.11 on as we do',
    // The reason is cut before it says so: the name is what it shows.
    matches: said('TRUST_POLICY_INVALID', /has trusted identity "x509\.subject:(?:[^"\\]|\\.)*\\\\ " with invalid/, ['policy/']),
  },
  {
    id: 'white space',
    why: 'a distinguished name with white space around that go-ldap reads in two ways',
    matches: either(
      said('TRUST_POLICY_INVALID', /has trusted identity "x509\.subject:(?: *(?:\\t|\\u\{a0\})|[^"]*\\n" with invalid)/, ['policy/']),
      said('IDENTITY_UNTRUSTED', /white space that/, ['policy/']),
    ),
  },
  {
    id: 'countersignatures',
    why: 'COSE: countersignatures in structures of their own, which nothing here could read',
    matches: said('ENVELOPE_INVALID', /header parameter (?:7|11) has a value of the wrong type/, ['cose/']),
  },
  {
    id: 'octets as numbers',
    why: 'JSON: octets as a list of numbers, which Go takes for base64',
    matches: either(
      said('PAYLOAD_INVALID', /targetArtifact\.data to be a string/, ['payload/']),
      said('ENVELOPE_INVALID', /expected (?:x5c|io\.cncf\.notary\.timestampSignature) to be base64/, ['jws/']),
    ),
  },
  {
    id: '376',
    why: 'a responder whose URL does not parse, at which the reference dereferences nil: the status is unknown to us',
    matches: ({ reference }) => reference.outcome === 'panicked' && /nil pointer/.test(reference.reason.message),
  },
  {
    id: 'D21',
    why: 'OCSP: a responder must be the issuer or one that it made a valid responder, and the answer about this issuer',
    matches: stricter('revocation', /^ocsp\/(?:delegated|signed by the leaf|other issuer|more certificates|by name|several)/),
  },
  {
    id: 'D22',
    why: 'OCSP and lists: answers from the future',
    matches: stricter('revocation', /^(?:ocsp|crl)\/from the future/),
  },
  {
    id: 'D30',
    why: "lists: the issuer's name and SHA-1, in OCSP answers too",
    matches: stricter('revocation', /^(?:crl\/other name|(?:crl|ocsp)\/algorithm)/),
  },
  {
    id: 'strict answers',
    why: 'OCSP and lists: everything is DER, and nothing follows the last element',
    matches: stricter('revocation', /^(?:ocsp|crl)\/(?:.*bent|disturbed|trailing|delta odd|extension|entry extension|number|hash|large)/),
  },
  {
    id: 'strict answers, revoked',
    why: 'an answer that we do not believe does not say that something was revoked either; both refuse to pass',
    matches: (pair) =>
      pair.ours.reason.code === 'REVOCATION_UNKNOWN' &&
      pair.reference.outcome === 'refused' &&
      pair.mutators.some((name) => /^(?:ocsp|crl)\/.*bent/.test(name)),
  },
  {
    id: 'strict tokens',
    why: 'timestamps: every element is known, minimal where the reference converts BER, and in range',
    matches: stricter(
      'authenticTimestamp',
      /^timestamp\/(?:.*bent|.*disturbed|ber|accuracy|fields|time text|attribute|certificates|two signers|digest identifier|unsigned)/,
      /^failed to (?:parse timestamp countersignature|get the timestamp TSTInfo|verify the timestamp countersignature) with error: (?!cms|signing)/,
    ),
  },
  {
    id: 'exact parameters',
    why: 'timestamps: parameters of a hash or a signature algorithm other than none and NULL',
    matches: stricter(
      'authenticTimestamp',
      /^timestamp\/(?:.*bent|.*disturbed|two signers|digest identifier)/,
      /unrecognized hash algorithm: 2\.16\.840\.1\.101\.3\.4\.2\.[123]$|unsupported digest algorithm|or unknown signature algorithm/,
    ),
  },
  {
    id: 'names and policies',
    why: 'timestamps: a path with an explicit policy required, anyPolicy mapped, constraints of names that are not read, or names that none fit',
    matches: stricter(
      'authenticTimestamp',
      /^timestamp\/(?:policies|name constraints)/,
      /requires an explicit policy|maps anyPolicy|name constraints of a kind|name constraints cannot be held against/,
    ),
  },
  {
    id: 'strangers',
    why: 'revocation that is only logged: nobody is asked about a signer who is not trusted, since his certificate would say whom',
    matches: (pair) =>
      failedAlone(pair, 'revocation') && hasError(pair, 'authenticity') && /nobody was asked/.test(errorOf(pair.ours, 'revocation')),
  },
  {
    id: 'distribution points',
    why: 'a distribution point that begins with a name that is no URI: its URIs are asked all the same',
    matches: (pair) => pair.mutators.some((name) => ODD_POINTS.includes(name)) && failedAlone(pair, 'revocation'),
  },
  {
    id: 'misconfigured',
    why: 'design.md 2: no level was meant to run without its anchors, so a store that is asked for and not there outweighs every step',
    matches: (pair) =>
      pair.ours.outcome === 'misconfigured' &&
      pair.ours.reason.code === 'TRUST_STORE_INVALID' &&
      (pair.reference.outcome === 'refused' || hasError(pair, 'authenticity') || hasError(pair, 'authenticTimestamp')),
  },
];

/** Our reason, and a mutator whose name begins with one of `mutators`; none asks for none. */
function said(code: string, message: RegExp, mutators: readonly string[] = []): (pair: Pair) => boolean {
  return ({ ours, mutators: applied }) =>
    ours.reason.code === code &&
    message.test(ours.reason.message) &&
    (mutators.length === 0 || applied.some((name) => mutators.some((begin) => name.startsWith(begin))));
}

function either(...some: readonly ((pair: Pair) => boolean)[]): (pair: Pair) => boolean {
  return (pair) => some.some((matches) => matches(pair));
}

/** A step that we found to fail alone, with these words, where one of these mutators was at work. */
function stricter(type: string, mutators: RegExp, message = /./): (pair: Pair) => boolean {
  return (pair) => pair.mutators.some((name) => mutators.test(name)) && failedAlone(pair, type, message);
}

/** We found the step to fail, and the reference did not. */
function failedAlone(pair: Pair, type: string, message = /./): boolean {
  const found = errorOf(pair.ours, type);
  return found !== '' && message.test(found) && !hasError(pair, type);
}

function hasError({ reference }: Pair, type: string): boolean {
  return errorOf(reference, type) !== '';
}

function errorOf({ results }: Answer, type: string): string {
  return results.find((result) => result.type === type)?.error ?? '';
}
