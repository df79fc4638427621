import { PAYLOAD_TYPE, SIGNING_AUTHORITY } from '../../sign.ts';
import { type Draft, type Member, NAME } from '../draft.ts';
import { objectText } from '../envelope.ts';
import type { Random } from '../random.ts';
import { disturbed, type Mutate, type MutatorTable, oddJson, otherCase, withMember, without } from './table.ts';

type Change = (members: Member[], random: Random, draft: Draft) => Member[];

function protectedBy(change: Change): Mutate {
  return (draft, random) => {
    draft.bendJwsProtected.push((members) => change(members, random, draft));
  };
}

function unprotectedBy(change: Change): Mutate {
  return (draft, random) => {
    draft.bendJwsHeader.push((members) => change(members, random, draft));
  };
}

function envelopeBy(change: Change): Mutate {
  return (draft, random) => {
    draft.bendJwsEnvelope.push((members) => change(members, random, draft));
  };
}

const ALGS = [
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'RS256',
  'HS256',
  'EdDSA',
  'none',
  'None',
  'NONE',
  'ps256',
  'ES256K',
  '',
  ' ES256',
];
const PROTECTED = ['alg', 'cty', 'crit', NAME.scheme, NAME.signingTime, NAME.authenticSigningTime, NAME.expiry] as const;
const TIMES = [NAME.signingTime, NAME.authenticSigningTime, NAME.expiry] as const;

/** Times in every form that a lax reader might take. */
function oddTime(random: Random, base: string): string {
  const date = base.slice(0, 10);
  const clock = base.slice(11, 19);
  return random.pick([
    `${date}T${clock}.123456789Z`,
    `${date}T${clock}.1234567891234Z`,
    `${date}T${clock}.000Z`,
    `${date}T${clock}+08:00`,
    `${date}T${clock}-23:59`,
    `${date}T${clock}+24:00`,
    `${date}T${clock}+24:60`,
    `${date}T${clock}+25:00`,
    `${date}T${clock}+0800`,
    `${date}T${clock}`,
    `${date}T${clock},5Z`,
    `${date}T${clock}.Z`,
    `${date}t${clock}Z`,
    `${date}T${clock}z`,
    `${date} ${clock}Z`,
    `${date}T7:01:20Z`,
    `${date}T07:1:20Z`,
    `${date}T07:01:60Z`,
    `${date}T24:00:00Z`,
    `${date}T23:60:00Z`,
    `${date.slice(0, 8)}32T00:00:00Z`,
    '2025-02-30T00:00:00Z',
    '2024-02-29T00:00:00Z',
    '2023-02-29T00:00:00Z',
    '0001-01-01T00:00:00Z',
    '0001-01-01T00:00:00.000000001Z',
    '0001-01-01T01:00:00+01:00',
    '0000-01-01T00:00:00Z',
    '9999-12-31T23:59:59Z',
    '10000-01-01T00:00:00Z',
    '1969-12-31T23:59:59.5Z',
    ` ${base}`,
    `${base} `,
    `+${base}`,
    '',
  ]);
}

function critList(members: readonly Member[]): unknown[] {
  const text = members.find(([name]) => name === 'crit')?.[1] ?? '[]';
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) ? list : [];
  } catch {
    return [];
  }
}

function critBy(change: (list: unknown[], random: Random, members: readonly Member[]) => unknown[]): Mutate {
  return protectedBy((members, random) => withMember(members, 'crit', JSON.stringify(change(critList(members), random, members))));
}

/** The last member again under the same name with another value: which of the two counts? */
function doubled(members: Member[], random: Random): Member[] {
  const at = random.below(members.length);
  const [name, json] = members[at] ?? ['x', '0'];
  const twin: Member = [random.pick([name, name, otherCase(name, random)]), random.pick([json, json, oddJson(random)])];
  return random.oneIn(2) ? [...members, twin] : [twin, ...members];
}

function textOf(members: readonly Member[], name: string): string {
  try {
    return String(JSON.parse(members.find(([known]) => known === name)?.[1] ?? '""'));
  } catch {
    return '';
  }
}

function withText(members: readonly Member[], name: string, change: (text: string) => string): Member[] {
  return withMember(members, name, JSON.stringify(change(textOf(members, name))));
}

const BASE64_FIELDS = ['payload', 'protected', 'signature'] as const;

/** Base64url as a lax decoder would still take it, or not. */
function oddBase64(text: string, random: Random): string {
  const at = random.below(text.length + 1);
  const insert = (what: string): string => text.slice(0, at) + what + text.slice(at);
  const last = text.slice(-1);
  switch (random.below(12)) {
    case 0:
      return insert('\n');
    case 1:
      return insert('\r\n');
    case 2:
      return insert(' ');
    case 3:
      return `${text}=`;
    case 4:
      return `${text}==`;
    case 5:
      return text.replaceAll('-', '+').replaceAll('_', '/');
    case 6:
      return insert('.');
    case 7:
      return insert('\u0000');
    case 8:
      return text.slice(0, -1);
    case 9:
      // The bits of the last character that no octet needs.
      return text.slice(0, -1) + String.fromCharCode(last.charCodeAt(0) + 1);
    case 10:
      return insert('\u00e9');
    default:
      return text + random.pick(['A', 'AA', 'AAA', 'AAAA']);
  }
}

export const JWS: MutatorTable = {
  'jws/alg': protectedBy((members, random) => withMember(members, 'alg', JSON.stringify(random.pick(ALGS as [string, ...string[]])))),
  'jws/alg odd': protectedBy((members, random) => withMember(members, 'alg', oddJson(random))),
  'jws/alg gone': protectedBy((members) => without(members, 'alg')),
  'jws/alg unprotected': (draft, random) => {
    draft.bendJwsProtected.push((members) => without(members, 'alg'));
    draft.bendJwsHeader.push((members) => [['alg', JSON.stringify(random.pick(['ES256', 'PS256']))], ...members]);
  },
  'jws/cty': protectedBy((members, random) =>
    withMember(
      members,
      'cty',
      JSON.stringify(
        random.pick([
          'application/vnd.cncf.notary.payload.v2+json',
          `${PAYLOAD_TYPE}; charset=utf-8`,
          PAYLOAD_TYPE.toUpperCase(),
          ` ${PAYLOAD_TYPE}`,
          '',
          'application/json',
        ]),
      ),
    ),
  ),
  'jws/member odd': protectedBy((members, random) => withMember(members, random.pick(PROTECTED), oddJson(random))),
  'jws/member gone': protectedBy((members, random) => without(members, random.pick(PROTECTED))),
  'jws/member twice': protectedBy(doubled),
  'jws/member other case': protectedBy((members, random) =>
    members.map(([name, json]): Member => [random.oneIn(4) ? otherCase(name, random) : name, json]),
  ),
  'jws/member more': protectedBy((members, random) => [
    ...members,
    [
      random.pick([
        'com.example.more',
        'b64',
        'kid',
        'typ',
        'x5c',
        'jwk',
        '',
        '__proto__',
        'constructor',
        'io.cncf.notary.signingAgent',
        'zip',
      ]),
      oddJson(random),
    ],
  ]),
  'jws/members shuffled': protectedBy((members, random) => members.toSorted(() => random.below(3) - 1)),
  'jws/crit gone': protectedBy((members, random) =>
    random.pick([without(members, 'crit'), withMember(members, 'crit', random.pick(['null', '[]']))]),
  ),
  'jws/crit one less': critBy((list, random) => list.filter((_, i, { length }) => i !== random.below(length) || length === 0)),
  'jws/crit one twice': critBy((list, random) => [...list, list[random.below(list.length)]]),
  'jws/crit more': critBy((list, random, members) => [
    ...list,
    random.pick([
      'alg',
      'cty',
      'crit',
      'b64',
      'com.example.absent',
      'com.example.note',
      NAME.signingTime,
      NAME.expiry,
      NAME.authenticSigningTime,
      NAME.plugin,
      NAME.pluginMinVersion,
      '',
      members.at(-1)?.[0] ?? '',
    ]),
  ]),
  'jws/crit odd item': critBy((list, random) => [...list, random.pick<unknown>([1, null, {}, [], true, ['x']])]),
  'jws/crit other case': critBy((list, random) => list.map((name) => (random.oneIn(2) ? otherCase(String(name), random) : name))),
  'jws/b64': (draft, random) => {
    draft.bendJwsProtected.push((members) => withMember(members, 'b64', random.pick(['false', 'true', '"false"'])));
    if (random.oneIn(2))
      draft.bendJwsProtected.push((members) => withMember(members, 'crit', JSON.stringify([...critList(members), 'b64'])));
  },
  'jws/critical attribute': protectedBy((members) => [
    ...withMember(members, 'crit', JSON.stringify([...critList(members), 'com.example.rule'])),
    ['com.example.rule', '"must"'],
  ]),
  'jws/scheme': protectedBy((members, random) =>
    withMember(
      members,
      NAME.scheme,
      JSON.stringify(random.pick(['notary.x509', SIGNING_AUTHORITY, 'notary.x509 ', 'NOTARY.X509', '', 'notary.x509.', 'notary'])),
    ),
  ),
  'jws/time odd': protectedBy((members, random, { time }) => {
    const name = random.oneIn(2)
      ? random.pick(TIMES)
      : (members.find(([known]) => TIMES.some((one) => one === known))?.[0] ?? NAME.signingTime);
    return withMember(members, name, JSON.stringify(oddTime(random, time.toISOString().replace('.000Z', 'Z'))));
  }),
  'jws/time more': protectedBy((members, random, { time }) => withMember(members, random.pick(TIMES), JSON.stringify(time.toISOString()))),
  'jws/time escaped': (draft, random) => {
    draft.bendJwsProtectedText.push((text) =>
      text.replace(random.pick(['T', ':', '-', 'Z"']), (found) => `\\u00${found.charCodeAt(0).toString(16)}${found.slice(1)}`),
    );
  },
  'jws/protected text': (draft, random) => {
    draft.bendJwsProtectedText.push((text) =>
      random.pick([
        `${text} `,
        `\n${text}`,
        `${text}{}`,
        `${text}x`,
        `[${text}]`,
        '{}',
        'null',
        '""',
        '',
        `\ufeff${text}`,
        text.replace(':', ' : '),
        text.slice(0, -1),
      ]),
    );
  },
  'jws/protected disturbed': (draft, random) => {
    draft.bendJwsProtectedText.push((text) => Buffer.from(disturbed(Buffer.from(text), random)).toString('latin1'));
  },
  'jws/x5c odd': unprotectedBy((members, random) => withMember(members, 'x5c', oddJson(random))),
  'jws/x5c gone': unprotectedBy((members) => without(members, 'x5c')),
  'jws/x5c protected': (draft) => {
    let x5c = '[]';
    draft.bendJwsHeader.push((members) => {
      x5c = members.find(([name]) => name === 'x5c')?.[1] ?? '[]';
      return without(members, 'x5c');
    });
    draft.bendJwsEnvelope.push((members) => [...members, ['x5c', x5c]]);
  },
  'jws/x5c text': unprotectedBy((members, random) => {
    const json = members.find(([name]) => name === 'x5c')?.[1] ?? '[]';
    const list = safeList(json);
    const at = random.below(list.length);
    const bent = list.map((text, i) => {
      if (i !== at) return text;
      return random.pick([
        `${text}\n`,
        `${String(text).slice(0, 64)}\r\n${String(text).slice(64)}`,
        ` ${text}`,
        String(text).replaceAll('+', '-').replaceAll('/', '_'),
        String(text).replace(/=+$/, ''),
        `-----BEGIN CERTIFICATE-----\n${text}\n-----END CERTIFICATE-----`,
        '',
        null,
        42,
        [...Buffer.from(String(text), 'base64')],
        Buffer.concat([Buffer.from(String(text), 'base64'), Buffer.from([0])]).toString('base64'),
        Buffer.from(disturbed(Buffer.from(String(text), 'base64'), random)).toString('base64'),
      ]);
    });
    return withMember(members, 'x5c', JSON.stringify(bent));
  }),
  'jws/header more': unprotectedBy((members, random) => [
    ...members,
    [
      random.pick(['com.example.more', 'kid', 'alg', 'crit', 'io.cncf.notary.SigningAgent', 'IO.CNCF.NOTARY.SIGNINGAGENT', NAME.scheme]),
      oddJson(random),
    ],
  ]),
  'jws/header twice': unprotectedBy(doubled),
  'jws/header other case': unprotectedBy((members, random) =>
    members.map(([name, json]): Member => [random.oneIn(2) ? otherCase(name, random) : name, json]),
  ),
  'jws/agent': unprotectedBy((members, random) => withMember(members, NAME.agent, oddJson(random))),
  'jws/timestamp odd': unprotectedBy((members, random) =>
    withMember(members, NAME.timestamp, random.pick(['""', '"AAAA"', '"A"', '"A\\n=="', 'null', '5', '[]', '[1,2]', '"MAA="'])),
  ),
  'jws/envelope more': envelopeBy((members, random) => [
    ...members,
    [random.pick(['more', 'signatures', 'io.cncf.notary', 'headers', 'recipients', '']), random.pick(['null', '[]', '{}', '1', '"x"'])],
  ]),
  'jws/envelope odd': envelopeBy((members, random) =>
    withMember(members, random.pick(['payload', 'protected', 'header', 'signature']), oddJson(random)),
  ),
  'jws/envelope gone': envelopeBy((members, random) => without(members, random.pick(['payload', 'protected', 'header', 'signature']))),
  'jws/envelope twice': envelopeBy(doubled),
  'jws/envelope other case': envelopeBy((members, random) =>
    members.map(([name, json]): Member => [random.oneIn(2) ? otherCase(name, random) : name, json]),
  ),
  'jws/header split': envelopeBy((members) => {
    const json = members.find(([name]) => name === 'header')?.[1] ?? '{}';
    return [...withMember(members, 'header', objectText([['io.cncf.notary.signingAgent', '"first"']])), ['header', json]];
  }),
  'jws/base64': envelopeBy((members, random) => withText(members, random.pick(BASE64_FIELDS), (text) => oddBase64(text, random))),
  'jws/text around': (draft, random) => {
    draft.bendBytes.push((bytes) => {
      const text = Buffer.from(bytes).toString();
      return Buffer.from(
        random.pick([
          `${text}\n`,
          `  ${text}`,
          `${text}{}`,
          `${text}]`,
          `[${text}]`,
          `\ufeff${text}`,
          `${text}\u0000`,
          '',
          'null',
          '{}',
          '""',
          `${text},`,
          JSON.stringify(text),
        ]),
      );
    });
  },
  'jws/compact': (draft) => {
    const parts: Record<string, string> = {};
    draft.bendJwsEnvelope.push((members) => {
      for (const [name, json] of members) parts[name] = json.replaceAll('"', '');
      return members;
    });
    draft.bendBytes.push(() => Buffer.from(`${parts.protected}.${parts.payload}.${parts.signature}`));
  },
  'jws/deep': envelopeBy((members, random) => {
    const depth = random.pick([10, 31, 40, 9_990, 10_001, 50_000]);
    return [...members, ['more', '['.repeat(depth) + ']'.repeat(depth)]];
  }),
  'jws/deep attribute': protectedBy((members, random) => {
    const depth = random.pick([10, 29, 40, 500]);
    return [...members, ['com.example.deep', '['.repeat(depth) + ']'.repeat(depth)]];
  }),
};

function safeList(json: string): unknown[] {
  try {
    const list: unknown = JSON.parse(json);
    return Array.isArray(list) ? list : [];
  } catch {
    return [];
  }
}
