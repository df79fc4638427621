import * as der from '../../der-writer.ts';
import type { Subject } from '../../pki.ts';
import { type Draft, LEAF_IDENTITY, LEAF_NAME, REPOSITORY, type Statement } from '../draft.ts';
import type { Random } from '../random.ts';
import { disturbed, type Mutate, type MutatorTable, otherCase } from './table.ts';

const ACTIONS = ['enforce', 'log', 'skip', 'Enforce', '', 'warn'] as const;
const TYPES = ['integrity', 'authenticity', 'authenticTimestamp', 'expiry', 'revocation', 'Revocation', 'all', ''] as const;
const LEVELS = ['strict', 'permissive', 'audit', 'skip', 'Strict', 'custom', '', 'none'] as const;

function oddValue(random: Random): unknown {
  return random.pick<unknown>([null, 0, 1, true, '', 'x', [], {}, ['x'], [null], [1], { a: 'b' }, [['x']]]);
}

/** Sound choices, so that the step that decides is reached. */
function level(name: string): Mutate {
  return ({ statement }, random) => {
    statement.signatureVerification = { level: name, ...(random.oneIn(3) && name !== 'skip' && { override: soundOverride(random) }) };
    if (name !== 'skip') return;
    delete statement.trustStores;
    delete statement.trustedIdentities;
  };
}

function soundOverride(random: Random): Record<string, string> {
  const types = ['authenticity', 'authenticTimestamp', 'expiry', 'revocation'] as const;
  const chosen = types.filter(() => random.oneIn(2));
  return Object.fromEntries(
    chosen.map((type) => [type, type === 'revocation' ? random.pick(['enforce', 'log', 'skip']) : random.pick(['enforce', 'log'])]),
  );
}

const SCOPES = [
  REPOSITORY,
  'registry.example.test/team',
  'registry.example.test/team/app/more',
  'registry.example.test/team/App',
  'Registry.Example.Test/team/app',
  'registry.example.test:443/team/app',
  'registry.example.test/team/app:v1',
  'registry.example.test/team/app@sha256:00',
  'https://registry.example.test/team/app',
  'registry.example.test/team/*',
  '*.example.test/team/app',
  '**',
  '*',
  '',
  '/',
  'registry.example.test',
  'registry.example.test/',
  '/team/app',
  'registry.example.test//app',
  'registry.example.test/team//app',
  'registry.example.test/a..b',
  'registry.example.test/a__b',
  'registry.example.test/a___b',
  'registry.example.test/a--b',
  'registry.example.test/a_-b',
  'registry.example.test/a.-b',
  'registry.example.test/-a',
  'registry.example.test/a-',
  'registry.example.test/a.',
  'registry_example/team/app',
  'registry.example.test:/team',
  'registry.example.test:x/team',
  'registry.example.test:99999999/team',
  '-registry/team',
  'registry-/team',
  'registry..test/team',
  '.registry/team',
  'a-b.c-d/e',
  '[::1]/team/app',
  '127.0.0.1:5000/team/app',
  'localhost/team/app',
  'registry.example.test/t\u00e9am',
  'registry.example.test/team/app ',
  ' registry.example.test/team/app',
  'registry.example.test/team/app\n',
  `registry.example.test/${'a'.repeat(300)}`,
  `${'a'.repeat(64)}.test/app`,
] as const;

const REFERENCES = [
  (r: string) => r.replace('/team/app', '/team/other'),
  (r: string) => r.replace('registry.example.test', 'Registry.Example.Test'),
  (r: string) => r.replace('/team/app', '/team/App'),
  (r: string) => r.replace('@', ':v1@'),
  (r: string) => r.replace(/@.*$/, ':v1'),
  (r: string) => r.replace(/@.*$/, ''),
  (r: string) => r.replace(/@.*$/, '@'),
  (r: string) => r.replace(/@.*$/, '@sha256'),
  (r: string) => r.replace(/@.*$/, '@sha256:xyz'),
  (r: string) => r.replace(/.$/, (last) => (last === '0' ? '1' : '0')),
  (r: string) => r.replace('sha256:', 'md5:'),
  (r: string) => r.toUpperCase(),
  (r: string) => r.replace(/^[^/]*\//, ''),
  (r: string) => `https://${r}`,
  (r: string) => r.replace('@', '@@'),
  (r: string) => r.replace('@', '@sha256:00@'),
  (r: string) => ` ${r}`,
  (r: string) => `${r} `,
  (r: string) => r.replace('/team/app', ''),
  (r: string) => r.replace('/team/app', '/'),
  (r: string) => r.replace('registry.example.test', 'registry.example.test:443'),
  (r: string) => r.replace('registry.example.test', '[::1]:5000'),
  (r: string) => r.replace('registry.example.test', 'registry_example'),
  (r: string) => r.replace('/team/app', '/a..b'),
  (r: string) => r.replace('/team/app', '/a__b'),
  (r: string) => r.replace(/@sha256:(.*)$/, (_, hex: string) => `@sha256:${hex.toUpperCase()}`),
  (r: string) => r.replace(/@.*$/, `@sha512:${'0'.repeat(128)}`),
  (r: string) => r.replace(/@.*$/, `@sha384:${'0'.repeat(96)}`),
  () => '',
  () => '@',
] as const;

/** Distinguished names: what the leaf's is, and much that is like it. */
const NAMES = [
  'C=US,ST=WA,O=Notary',
  'C=US, ST=WA, O=Notary, CN=signer',
  'CN=signer,O=Notary,L=Seattle,ST=WA,C=US',
  'C=US,S=WA,O=Notary',
  'C=US,ST=WA,O=notary',
  'C=US,ST=WA,O=Notary,OU=',
  'C=US,ST=WA,O=Notary,OU=x',
  'C=US,ST=WA,O=Notary,OU=,OU=x',
  'C=US,C=US,ST=WA,O=Notary',
  'C=US,S=WA,ST=WA,O=Notary',
  'C=,C=US,ST=WA,O=Notary',
  'C=US,ST=WA',
  'c=US,ST=WA,O=Notary',
  'C=US,ST=,O=Notary',
  'C=US+ST=WA,O=Notary',
  'C=US;ST=WA;O=Notary',
  'C=US,ST=WA,O=Notary,',
  'C=US,ST=WA,O=Notary,,',
  ',,,',
  '',
  ' ',
  '*',
  'C=US,ST=WA,O=#Notary',
  'C=US,ST=WA,O=\\#Notary',
  'C=US,ST=WA,O=Not\\61ry',
  'C=US,ST=WA,O=Notary\\20',
  'C=US,ST=WA,O=Notary\\ ',
  'C=US,ST=WA,O=Notary\\',
  'C=US,ST=WA,O=\\zz',
  'C=US,ST=WA,O=\\4',
  'C=US,ST=WA,O="Notary"',
  'C=US,ST=WA,O=\\"Notary\\"',
  'C=US,ST=WA,O=My\\, Org',
  'C=US,ST=WA,O=My, Org',
  'C=US,ST=WA,O=Notary=x',
  'C=US,ST=WA,O=Notary,2.5.4.3=signer',
  'C=US,ST=WA,O=Notary,OID.2.5.4.3=signer',
  'C=US,ST=WA,O=Notary,foo=',
  'C=US,ST=WA,O=Notary,foo=bar',
  'C=US,ST=WA,O=Notary,=x',
  'C=US,ST=WA,O=Notary,CN',
  '\\43=US,ST=WA,O=Notary',
  'C =US,ST= WA ,O=Notary',
  'C=US,ST=WA,O=Notary\n',
  'C=US\n,ST=WA,O=Notary',
  'C=US,ST=WA,O=N\u00f6tary',
  'C=US,ST=WA,O=N\\c3\\b6tary',
  'C=US,ST=WA,O=Notary,SERIALNUMBER=5',
  'C=US,ST=WA,O=Notary,STREET=Main',
  'C=US,ST=WA,O=Notary,CN=signer<x>',
  'C=US,ST=WA,O=Notary,CN=signer\\<x\\>',
  'C=US,ST=WA,O=Notary,CN=a\\+b',
  'C=US,ST=WA,O=Notary,CN=\\ signer\\ ',
  'C=US,ST=WA,O=Notary,CN=\\  signer',
  'C=US,ST=WA,O=Notary,L=Seattle,CN=other',
] as const;

const LEAF_NAMES: readonly [Subject, ...Subject[]] = [
  LEAF_NAME,
  LEAF_NAME.filter(([type]) => type !== 'ST'),
  LEAF_NAME.filter(([type]) => type !== 'L'),
  [...LEAF_NAME, ['OU', 'x']],
  [...LEAF_NAME, ['OU', 'x'], ['OU', 'y']],
  [...LEAF_NAME, ['CN', 'last']],
  [...LEAF_NAME, ['1.2.840.113549.1.9.1', 'a@example.test']],
  [...LEAF_NAME, ['0.9.2342.19200300.100.1.25', 'example']],
  [...LEAF_NAME, ['SERIALNUMBER', '5'], ['STREET', 'Main'], ['POSTALCODE', '98101']],
  [...LEAF_NAME, ['O', '']],
  [],
  [['CN', 'signer']],
  [
    ['C', 'US'],
    ['ST', 'WA'],
    ['O', 'My, Org'],
    ['CN', 'signer'],
  ],
  [
    ['C', 'US'],
    ['ST', 'WA'],
    ['O', 'N\u00f6tary'],
    ['CN', 'signer'],
  ],
  [
    ['C', 'US'],
    ['ST', 'WA'],
    ['O', 'Notary '],
    ['CN', ' signer '],
  ],
  [
    ['C', 'US'],
    ['ST', 'WA'],
    ['O', '#Notary'],
    ['CN', 'signer'],
  ],
  [
    ['C', 'US'],
    ['ST', 'WA'],
    ['O', 'Notary'],
    ['CN', 'a=#b'],
  ],
  [
    ['C', 'US'],
    ['ST', 'WA'],
    ['O', 'Notary'],
    ['CN', 'a+b'],
  ],
  [
    ['C', 'US'],
    ['ST', 'WA'],
    ['O', 'Notary'],
    ['CN', 'x,OU=x'],
  ],
  [
    ['C', 'US'],
    ['ST', 'WA'],
    ['O', 'Notary'],
    ['CN', '<signer>;"x"\\'],
  ],
  [
    ['C', 'US'],
    ['ST', 'WA'],
    ['O', 'Other'],
    ['CN', 'x,O=Notary'],
  ],
  [
    ['C', 'US'],
    ['ST', 'WA'],
    ['O', der.tlv(0x13, Buffer.from('Notary'))],
    ['CN', 'signer'],
  ],
  [
    ['C', 'US'],
    ['ST', 'WA'],
    ['O', der.tlv(0x1e, Buffer.from('\0N\0o\0t\0a\0r\0y'))],
    ['CN', 'signer'],
  ],
  [
    ['C', 'US'],
    ['ST', 'WA'],
    ['O', der.tlv(0x14, Buffer.from('Notary'))],
    ['CN', 'signer'],
  ],
  [
    ['C', 'US'],
    ['ST', 'WA'],
    ['O', der.tlv(0x13, Buffer.from('No_tary'))],
    ['CN', 'signer'],
  ],
  [
    ['C', 'US'],
    ['ST', 'WA'],
    ['O', der.tlv(0x0c, Uint8Array.of(0xff, 0xfe))],
    ['CN', 'signer'],
  ],
  [
    ['C', 'US'],
    ['ST', 'WA'],
    ['O', der.integer(5)],
    ['CN', 'signer'],
  ],
  [
    ['C', 'US'],
    ['ST', 'WA'],
    ['O', der.tlv(0x0c)],
    ['CN', 'signer'],
  ],
  [
    ['C', 'US'],
    ['ST', 'WA'],
    ['O', 'Notary'],
    ['CN', 'sig\nner'],
  ],
  [
    ['C', 'US'],
    ['ST', 'WA'],
    ['O', 'Notary\u0000x'],
    ['CN', 'signer'],
  ],
];

function identitiesOf(statement: Statement): unknown[] {
  return Array.isArray(statement.trustedIdentities) ? statement.trustedIdentities : [];
}

const STORES = [
  'ca:acme',
  'ca:absent',
  'ca:empty',
  'tsa:acme',
  'tsa:absent',
  'signingAuthority:acme',
  'CA:acme',
  'ca',
  'ca:',
  ':acme',
  'ca:a:b',
  'ca:a/b',
  'ca:..',
  'ca:.',
  'ca:a b',
  'ca:\u00e9',
  '',
  'signingauthority:acme',
] as const;

function documentBy(change: (document: Record<string, unknown>, random: Random) => unknown): Mutate {
  return (draft, random) => {
    draft.bendPolicy.push((document) => change(membersOf(document), random));
  };
}

function membersOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function statementOf(name: string, scopes: readonly string[]): Statement {
  return { name, registryScopes: scopes, signatureVerification: { level: 'strict' }, trustStores: ['ca:acme'], trustedIdentities: ['*'] };
}

/** Any place of a document, replaced. */
function replaced(value: unknown, random: Random, depth = 0): unknown {
  if (depth > 0 && random.oneIn(4)) return oddValue(random);
  if (Array.isArray(value)) {
    const at = random.below(value.length);
    return value.map((item, i) => (i === at ? replaced(item, random, depth + 1) : item));
  }
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value);
    const at = random.below(entries.length);
    return Object.fromEntries(entries.map(([name, item], i) => [name, i === at ? replaced(item, random, depth + 1) : item]));
  }
  if (typeof value === 'string' && random.oneIn(2)) return Buffer.from(disturbed(Buffer.from(value), random)).toString('latin1');
  return oddValue(random);
}

function renamedMember(value: unknown, random: Random): unknown {
  if (Array.isArray(value)) return value.map((item) => renamedMember(item, random));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [random.oneIn(8) ? otherCase(name, random) : name, renamedMember(item, random)]),
  );
}

function scopesOf({ statement }: Draft): string[] {
  return Array.isArray(statement.registryScopes) ? statement.registryScopes : [];
}

export const POLICY: MutatorTable = {
  'policy/strict': level('strict'),
  'policy/permissive': level('permissive'),
  'policy/audit': level('audit'),
  'policy/skip': level('skip'),
  'policy/level': ({ statement }, random) => {
    statement.signatureVerification.level = random.pick<unknown>([...LEVELS, null, 1] as [unknown, ...unknown[]]);
  },
  'policy/override': ({ statement }, random) => {
    statement.signatureVerification.override = Object.fromEntries(
      Array.from({ length: random.below(3) }, () => [
        random.pick(TYPES),
        random.pick<unknown>([...ACTIONS, null, 1] as [unknown, ...unknown[]]),
      ]),
    );
  },
  'policy/sound override': ({ statement }, random) => {
    if (statement.signatureVerification.level === 'skip') return;
    statement.signatureVerification.override = soundOverride(random);
  },
  'policy/verify timestamp': ({ statement }, random) => {
    statement.signatureVerification.verifyTimestamp = random.pick<unknown>(['always', 'afterCertExpiry', 'Always', 'never', '', null, 5]);
  },
  'policy/name': ({ statement }, random) => {
    statement.name = random.pick<unknown>(['', ' ', null, 5, 'test', '__proto__']);
  },
  'policy/scopes': ({ statement }, random) => {
    statement.registryScopes = Array.from({ length: random.pick([0, 1, 1, 1, 2, 3]) }, () => random.pick(SCOPES));
  },
  'policy/scope more': (draft, random) => {
    draft.statement.registryScopes = [...scopesOf(draft).filter((scope) => scope !== '*'), random.pick(SCOPES), REPOSITORY];
  },
  'policy/reference': (draft, random) => {
    draft.reference = random.pick(REFERENCES)(draft.reference);
  },
  'policy/reference and wildcard': (draft, random) => {
    draft.statement.registryScopes = ['*'];
    draft.reference = random.pick(REFERENCES)(draft.reference);
  },
  'policy/stores': ({ statement }, random) => {
    statement.trustStores = Array.from({ length: random.pick([0, 1, 1, 2, 3]) }, () => random.pick(STORES));
  },
  'policy/stores only tsa': ({ statement }) => {
    statement.trustStores = ['tsa:acme'];
  },
  'policy/store more': ({ statement }, random) => {
    statement.trustStores = [...(Array.isArray(statement.trustStores) ? statement.trustStores : []), random.pick(STORES)];
  },
  'policy/store twice': ({ statement }) => {
    statement.trustStores = ['ca:acme', 'ca:acme', 'signingAuthority:acme'];
  },
  'policy/identities': ({ statement }, random) => {
    statement.trustedIdentities = Array.from({ length: random.pick([0, 1, 1, 2, 3]) }, () =>
      random.pick([
        `x509.subject: ${random.pick(NAMES)}`,
        `x509.subject:${random.pick(NAMES)}`,
        '*',
        'foo:bar',
        'x509.subject',
        '',
        'X509.subject: C=US,ST=WA,O=Notary',
        ' x509.subject: C=US,ST=WA,O=Notary',
        ':',
      ]),
    );
  },
  'policy/identity': ({ statement }, random) => {
    statement.trustedIdentities = [`x509.subject:${random.pick(['', ' ', '  ', '\t', '\u00a0'])}${random.pick(NAMES)}`];
  },
  'policy/two identities': ({ statement }, random) => {
    statement.trustedIdentities = [`x509.subject: ${random.pick(NAMES)}`, `x509.subject: ${random.pick(NAMES)}`];
  },
  'policy/identity of another': ({ statement }) => {
    statement.trustedIdentities = ['x509.subject: C=US,ST=WA,O=Notary,CN=somebody else'];
  },
  'policy/identity and star': ({ statement }, random) => {
    statement.trustedIdentities = [...identitiesOf(statement), random.pick(['*', LEAF_IDENTITY])];
  },
  'policy/leaf name': (draft, random) => {
    draft.leaf = { ...draft.leaf, subject: random.pick(LEAF_NAMES) };
  },
  'policy/leaf name and identity': (draft, random) => {
    draft.leaf = { ...draft.leaf, subject: random.pick(LEAF_NAMES) };
    draft.statement.trustedIdentities = [`x509.subject: ${random.pick(NAMES)}`];
  },
  'policy/identity disturbed': (draft, random) => {
    const text = random.pick(NAMES);
    draft.statement.trustedIdentities = [`x509.subject: ${Buffer.from(disturbed(Buffer.from(text), random)).toString('latin1')}`];
  },
  'policy/version': documentBy((document, random) => ({
    ...document,
    version: random.pick<unknown>(['1.0', '1', '1.1', '2.0', ' 1.0', '', null, 1, 1.5]),
  })),
  'policy/statement more': (draft, random) => {
    const scopes = random.pick([
      [REPOSITORY],
      ['*'],
      ['registry.example.test/other'],
      ['registry.example.test/third', REPOSITORY],
      scopesOf(draft),
    ]);
    draft.moreStatements.push({
      ...statementOf(random.pick(['test', 'more', '']), scopes),
      ...(random.oneIn(3) && { trustedIdentities: ['x509.subject: C=US,ST=WA,O=Nobody'] }),
    });
  },
  'policy/statement first': (draft, random) => {
    const scopes = random.pick([[REPOSITORY], ['*'], ['registry.example.test/other']]);
    const first = { ...statementOf('first', scopes), ...(random.oneIn(2) && { trustedIdentities: ['x509.subject: C=US,ST=WA,O=Nobody'] }) };
    draft.bendPolicy.push((document) => {
      const { trustPolicies, ...rest } = membersOf(document);
      return { ...rest, trustPolicies: [first, ...(Array.isArray(trustPolicies) ? trustPolicies : [])] };
    });
  },
  'policy/no statements': documentBy((document, random) => ({
    ...document,
    trustPolicies: random.pick<unknown>([[], null, {}, 'x', [null], [{}], [[]]]),
  })),
  'policy/document odd': documentBy((_, random) => oddValue(random)),
  'policy/member gone': documentBy((document, random) => {
    const statements = document.trustPolicies;
    if (!Array.isArray(statements) || random.oneIn(5))
      return random.pick<unknown>([{ version: document.version }, { trustPolicies: statements }]);
    const gone = random.pick(['name', 'registryScopes', 'signatureVerification', 'trustStores', 'trustedIdentities']);
    return {
      ...document,
      trustPolicies: statements.map((statement) =>
        Object.fromEntries(Object.entries(membersOf(statement)).filter(([name]) => name !== gone)),
      ),
    };
  }),
  'policy/member more': ({ statement }, random) => {
    statement[random.pick(['more', 'globalPolicy', 'Name2', 'comment'])] = oddValue(random);
    statement.signatureVerification[random.pick(['more', 'levels'])] = oddValue(random);
  },
  'policy/member other case': documentBy(renamedMember),
  'policy/member odd': documentBy((document, random) => replaced(document, random)),
  'policy/skip with stores': ({ statement }, random) => {
    statement.signatureVerification = {
      level: 'skip',
      ...(random.oneIn(3) && { override: random.pick([{}, { expiry: 'log' }]) }),
      ...(random.oneIn(3) && { verifyTimestamp: 'always' }),
    };
    if (random.oneIn(2)) delete statement.trustStores;
    if (random.oneIn(2)) delete statement.trustedIdentities;
  },
};
