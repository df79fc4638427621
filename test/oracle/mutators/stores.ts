import { pki, toPem } from '../../pki.ts';
import { type Made, rootPem } from '../draft.ts';
import type { Random } from '../random.ts';
import { disturbed, type Mutate, type MutatorTable } from './table.ts';

type Pems = (made: Made, random: Random) => string[];

/** Both stores that a scheme may ask for. */
function both(pems: Pems): Mutate {
  return (draft, random) => {
    for (const name of ['ca:acme', 'signingAuthority:acme']) draft.stores.set(name, (made) => pems(made, random));
  };
}

const GARBAGE = [
  '',
  'garbage',
  '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
  '-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n',
  '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n',
  '-----BEGIN CERTIFICATE-----\n',
] as const;

function stranger({ draft }: Made): string {
  return pki.root({ privateKey: draft.keys.get('EC-256', 'stranger') }).pem;
}

/** The same certificate in PEM as other writers write it. */
function oddPem(pem: string, random: Random): string {
  const body = pem.replaceAll(/-----[^-]*-----|\n/g, '');
  const wrap = (text: string): string => `-----BEGIN CERTIFICATE-----\n${text}\n-----END CERTIFICATE-----\n`;
  return random.pick([
    pem.replaceAll('\n', '\r\n'),
    `subject=x\n${pem}`,
    `${pem}trailing text`,
    wrap(body),
    wrap(body.replaceAll(/(.{76})/g, '$1\n')),
    wrap(` ${body}`),
    wrap(body.replace(/=+$/, '')),
    wrap(`${body}=`),
    pem.trimEnd(),
    pem.replaceAll('CERTIFICATE', 'TRUSTED CERTIFICATE'),
    pem.replaceAll('CERTIFICATE', 'X509 CERTIFICATE'),
    pem.replaceAll('-----BEGIN', '---- BEGIN'),
    pem.replace('-----\n', '-----\nProc-Type: 4,ENCRYPTED\n\n'),
    pem.replace('-----\n', '-----\nName: x\n\n'),
    pem.replace('-----END', '\n-----END'),
    pem.replace('-----BEGIN', ' -----BEGIN'),
    `${pem}${pem}`,
    `\ufeff${pem}`,
  ]);
}

export const STORES: MutatorTable = {
  'stores/empty': both(() => []),
  'stores/absent': (draft, random) => {
    draft.stores.delete(random.pick(['ca:acme', 'signingAuthority:acme']));
  },
  'stores/all absent': (draft) => {
    draft.stores.clear();
  },
  'stores/stranger': both((made) => [stranger(made)]),
  'stores/intermediate': both(({ chain }) => chain.slice(1, 2).map(({ pem }) => pem)),
  'stores/leaf': both(({ chain }) => chain.slice(0, 1).map(({ pem }) => pem)),
  'stores/whole chain': both(({ chain }) => chain.map(({ pem }) => pem)),
  'stores/chain without leaf': both(({ chain }) => chain.slice(1).map(({ pem }) => pem)),
  'stores/one text': both(({ chain }) => [
    chain
      .slice(1)
      .map(({ pem }) => pem)
      .join(''),
  ]),
  'stores/reissued root': both(({ draft }) => {
    const [root] = draft.authorities;
    return root === undefined ? [] : [pki.root({ privateKey: draft.keys.get(root.key ?? 'EC-256', 'root'), ...root }).pem];
  }),
  'stores/root and stranger': both((made, random) =>
    random.oneIn(2) ? [...rootPem(made), stranger(made)] : [stranger(made), ...rootPem(made)],
  ),
  'stores/root and garbage': both((made, random) =>
    random.oneIn(2) ? [...rootPem(made), random.pick(GARBAGE)] : [random.pick(GARBAGE), ...rootPem(made)],
  ),
  'stores/garbage': both((_, random) => [random.pick(GARBAGE)]),
  'stores/odd pem': both((made, random) => rootPem(made).map((pem) => oddPem(pem, random))),
  'stores/disturbed': both(({ chain }, random) => chain.slice(-1).map(({ cert }) => toPem(disturbed(cert, random)))),
  'stores/other type': (draft) => {
    draft.stores = new Map([[draft.scheme === 'notary.x509' ? 'signingAuthority:acme' : 'ca:acme', rootPem]]);
  },
  'stores/second': (draft, random) => {
    draft.stores.set('ca:second', rootPem).set('signingAuthority:second', rootPem);
    draft.statement.trustStores = ['ca:acme', 'ca:second', 'signingAuthority:acme', 'signingAuthority:second'];
    const pems: Pems = random.pick<Pems>([(made) => [stranger(made)], () => [], () => ['garbage']]);
    for (const name of ['ca:acme', 'signingAuthority:acme']) draft.stores.set(name, (made) => pems(made, random));
  },
  'stores/broken other type': (draft) => {
    draft.stores.set('tsa:broken', () => ['garbage']);
    draft.stores.set(draft.scheme === 'notary.x509' ? 'signingAuthority:acme' : 'ca:acme', () => ['garbage']);
  },
  'stores/unnamed': (draft) => {
    draft.stores
      .set('ca:unnamed', () => ['garbage'])
      .set('odd', () => [])
      .set('', () => []);
  },
  'stores/expired stranger': both(({ draft, chain }) => [
    ...chain.slice(-1).map(({ pem }) => pem),
    pki.root({ privateKey: draft.keys.get('EC-256', 'stranger'), notBefore: new Date('2001-01-01'), notAfter: new Date('2002-01-01') }).pem,
  ]),
};
