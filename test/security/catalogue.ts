/** A list of findings, attacks or cases, and where its rows are looked for. */
export interface Catalogue {
  readonly name: string;
  readonly ids: readonly string[];
  /** Why an entry has no row, by id. */
  readonly without: Readonly<Record<string, string>>;
  /** Folders of `test` whose rows count. Default: all. */
  readonly folders?: readonly string[];
  /** How a row names an entry. Default: its id as a word. */
  readonly pattern?: (id: string) => RegExp;
}

const COSIGN = 'there is no verifier for cosign signatures';
const KEYLESS = 'there is no verifier for keyless signatures';

/** The lists that these entries are from have the same gaps. */
const numbered = (prefix: string, ...numbers: readonly number[]) => numbers.map((number) => `${prefix}-${String(number).padStart(2, '0')}`);

export const CATALOGUES: readonly Catalogue[] = [
  {
    name: 'ADA Logics, security audit of the Notary Project, July 2023',
    ids: Array.from({ length: 7 }, (_, at) => `ADA-NOT-23-${at + 1}`),
    without: {},
  },
  {
    name: 'ADA Logics, fuzzing of the Notary Project, 2022 and 2023: memory by a DN in BER (CVE-2023-25656), a panic out of a DN',
    ids: ['ADA-FUZZ-1', 'ADA-FUZZ-2'],
    without: {},
  },
  {
    name: 'Quarkslab, audit of timestamping and revocation lists, January 2025',
    ids: ['MEDIUM-5', 'LOW-11', ...[1, 2, 3, 4, 6, 7, 8, 9, 10].map((n) => `INFO-${n}`), 'imprint length', 'revocation time'],
    without: {},
    pattern: (id) => new RegExp(`Quarkslab [^'"\`]*\\b${id}\\b`),
  },
  {
    name: 'Attacks by a malicious or compromised registry',
    ids: numbered(
      'A-R',
      1,
      3,
      4,
      5,
      7,
      8,
      9,
      11,
      12,
      13,
      15,
      16,
      17,
      19,
      20,
      21,
      23,
      24,
      25,
      27,
      28,
      29,
      31,
      32,
      33,
      35,
      36,
      37,
      39,
      40,
      41,
      43,
      44,
      45,
      47,
      48,
    ),
    without: {},
  },
  {
    name: 'Attacks by a malicious signer',
    ids: numbered(
      'A-S',
      1,
      3,
      4,
      5,
      7,
      8,
      9,
      11,
      12,
      13,
      15,
      16,
      17,
      19,
      20,
      21,
      23,
      24,
      25,
      27,
      28,
      29,
      31,
      32,
      33,
      35,
      36,
      37,
      39,
      40,
      41,
      43,
      44,
      45,
      47,
      48,
    ),
    without: {
      'A-S-15': COSIGN,
      'A-S-41': KEYLESS,
      'A-S-43': KEYLESS,
      'A-S-44': KEYLESS,
      'A-S-45': COSIGN,
      'A-S-48': 'who holds a trusted key signs what he likes: no signature can tell',
    },
  },
  {
    name: 'Attacks by a malicious or broken caller',
    ids: numbered('A-C', 1, 3, 4, 5, 7, 8, 9, 11, 12, 13, 15, 16, 17, 19, 20),
    without: { 'A-C-19': 'no verdict is kept outside the process' },
  },
  {
    name: 'Attacks through the addresses that certificates name',
    ids: numbered('A-U', 1, 3, 4, 5, 7, 8),
    without: {},
  },
  {
    name: 'Acceptance by Gatekeeper',
    ids: [
      ...[
        1, 2, 3, 5, 6, 7, 9, 10, 11, 13, 14, 15, 17, 18, 19, 21, 22, 23, 25, 26, 27, 29, 30, 31, 33, 34, 35, 37, 38, 39, 41, 42, 43, 45, 46,
        47, 49,
      ],
      ...[50, 51, 53, 54, 55, 57, 58, 59, 61, 62, 63, 65, 66, 67, 69, 70, 71, 73, 74, 75, 77],
    ].map(String),
    without: { 45: 'half an hour of load is measured by the benchmarks' },
    folders: ['server', 'cli', 'e2e'],
    pattern: (id) => new RegExp(`['"\`](?:[\\w-]+, )*${id}(?:, [\\w-]+)*: `),
  },
  {
    name: 'Attacks by a malicious tenant of the cluster',
    ids: numbered('A-T', 1, 3, 4, 5, 7, 8, 9, 11, 12, 13, 15, 16, 17, 19, 20, 21, 23, 24, 25, 27, 28, 29),
    without: {},
  },
  {
    name: 'Where Gatekeeper lets an image through, or tells nobody, and what we give an operator does not',
    ids: ['a4', 'b2', 'e2', 'e3', 'f1', 'f2', 'g3', 'h1', 'h3', 'h4', 'i3'],
    without: {},
    folders: ['e2e', 'policies', 'helm'],
    pattern: (id) => new RegExp(`['"\`]rig (?:[a-k]\\d, )*${id}(?:, [a-k]\\d)*: `),
  },
  {
    name: 'Acceptance of Image Integrity on AKS, and of Ratify on ACK',
    ids: [1, 4].flatMap((system) => Array.from({ length: 10 }, (_, at) => `A${system}.${at + 1}`)),
    without: {},
    pattern: (id) => new RegExp(`['"\`][^'"\`]*\\b${id.replace('.', '\\.')}\\b`),
  },
];
