import type { Followed, NoTest, WeakPoint } from './types.ts';

/** Where the specification and the reference implementation differ, and signatures made by its users would fail without its reading. */
export const FOLLOWED: readonly Followed[] = [
  { id: 'D4', specification: "a CA's basicConstraints are critical", reference: 'need not be', tests: [221] },
  { id: 'D8', specification: '`crit` in COSE does not name labels 0 to 8', reference: 'may name them', tests: [158] },
  {
    id: 'D9',
    specification: '`x5chain` may be protected, and one byte string for one certificate',
    reference: 'a list in the unprotected header',
    tests: [170, 'D9'],
  },
  {
    id: 'D14',
    specification: 'scope `*` does not go with level skip',
    reference: 'it does; Countersign warns',
    tests: [261, 'has level skip for every repository named (D14)'],
  },
  {
    id: 'D16',
    specification: 'says nothing of unknown members of a trust policy',
    reference: 'ignores them; Countersign warns',
    tests: [254, 'has a member named that nobody knows, %s'],
  },
  { id: 'D17', specification: 'the thumbprint annotation is required, and filters', reference: 'never reads it', tests: [53] },
  { id: 'D19', specification: 'of several lists, the first that can be had', reference: 'all of them', tests: [385] },
  {
    id: 'D20',
    specification: 'an expired list that names the certificate revokes it',
    reference: 'an expired list says nothing; neither passes',
    tests: ['D20'],
  },
  {
    id: 'D23',
    specification: 'the date of invalidity is compared with a timestamp too',
    reference: "with an authority's time alone",
    tests: ['374 D23 revoked, invalid later, the signing time only claimed'],
  },
  { id: 'D24', specification: 'revoked if invalid before the signing time', reference: 'revoked if invalid at it, too', tests: [374] },
  { id: 'D26', specification: 'an accuracy of 1 s only where none is given', reference: 'also where it is given as zero', tests: ['D26'] },
  {
    id: 'D27',
    specification: 'the text on permissive does not speak of timestamps',
    reference: 'logs them, as the table says',
    tests: ['knows %s (D27)'],
  },
  { id: 'D28', specification: 'expired after the expiry, or at it', reference: 'at it', tests: ['D28'] },
];

export const NO_TESTS: readonly NoTest[] = [
  {
    cases: [245, 246],
    reason: 'trust stores are declared objects and lists of PEM texts: there are no folders, in which a link or a folder could stand',
  },
  { cases: [408, 409, 410], reason: 'signatures of blobs are not verified: an admission is about images' },
];

/** What concerns verification, of the weak points of Ratify v1.4. */
export const WEAK_POINTS: readonly WeakPoint[] = [
  {
    ratify: 'falls back to certificates of any type where the trust store of a statement is not there',
    ours: '*misconfigured*',
    tests: ['a key provider that is not there', 'the signer in another type of store'],
  },
  {
    ratify: 'level skip ends the process',
    ours: 'a verdict like others, `SKIPPED`',
    tests: ['reads nothing of a signature in the scope of level skip', 'level skip, and a signature that is none'],
  },
  { ratify: 'fetches lists without a deadline of its own', ours: '5 s for a list, 2 s for a responder', tests: [356] },
  { ratify: 'does not compare content with its digest, and reads any size', ours: 'both are checked, of every byte', tests: [42, 45, 46] },
  {
    ratify: 'follows referrers of referrers, and lists of them, without end',
    ours: '2 levels, 10 pages, 1,000 entries, 50 verifications',
    tests: ['goes down two levels and refuses what goes deeper', 'spends one budget on an image and all that is nested', 25],
  },
  {
    ratify: 'does not verify TLS where `127.0.0.1` stands anywhere in a reference',
    ours: 'plain HTTP only where it is declared',
    tests: ['speaks TLS otherwise, to loopback too'],
  },
  {
    ratify: 'hands credentials to whoever a registry names',
    ours: 'to the registry and token servers of its site, or named in the settings',
    tests: ['A-R-16: of another site gets no credential'],
  },
  {
    ratify: 'remembers descriptors by digest for all repositories, for ever',
    ours: 'by repository, each with its life',
    tests: ['lists for each repository by itself, though the digest is the same'],
  },
  {
    ratify: 'of several verifiers for a type one is taken at random',
    ours: 'the first by name',
    tests: ['asks the first verifier by name that takes a referrer, whatever the order of declaration'],
  },
  { ratify: 'accepts policy values that mean nothing', ours: '`CONFIG_INVALID`', tests: ['another word', 'the empty word'] },
  {
    ratify: 'keeps failures that pass as long as verdicts',
    ours: 'what could not be found out is never kept',
    tests: ['keeps no failure of any port', 'no time at all where it could not be found out'],
  },
  {
    ratify: 'keeps verdicts over a change of the configuration',
    ours: 'a verdict belongs to the revision that made it',
    tests: ['47, A-C-13: are not used for another revision, and the answer says which it is'],
  },
  {
    ratify: 'one slow image fails the whole batch',
    ours: 'it is left out and named, the others are answered',
    tests: ['13: leaves out the one that is slow and answers the other 99'],
  },
  {
    ratify: 'asks no certificate of its callers unless told to',
    ours: 'asks for one unless told not to, and says so',
    tests: ['31: is not asked for with --no-client-auth, which is said loudly; it is TLS still'],
  },
];
