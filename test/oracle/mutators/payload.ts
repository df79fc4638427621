import type { Member } from '../draft.ts';
import type { Random } from '../random.ts';
import { disturbed, type MutatorTable, oddJson, otherCase, withMember, without } from './table.ts';

function bent(members: readonly Member[], name: string, change: (text: string) => string): Member[] {
  const json = members.find(([known]) => known === name)?.[1] ?? '""';
  return withMember(members, name, JSON.stringify(change(json.replaceAll('"', ''))));
}

const SIZES = [
  '527',
  '529',
  '-528',
  '528.0',
  '5.28e2',
  '0528',
  '"528"',
  '+528',
  '9007199254740993',
  '9223372036854775807',
  '9223372036854775808',
  '1e3',
  '-0',
  '0x210',
] as const;
const MORE = ['urls', 'data', 'platform', 'artifactType', 'com.example.more', '__proto__', 'constructor', 'toString'] as const;

function platformJson(random: Random): string {
  return random.pick([
    '{"architecture":"amd64","os":"linux"}',
    '{"architecture":1}',
    '{"os.features":["a",null]}',
    '{"os.features":[1]}',
    '{"os.version":null}',
    '{"OS":"linux"}',
    '{"unknown":1}',
    'null',
    '[]',
  ]);
}

export const PAYLOAD: MutatorTable = {
  'payload/digest': (draft, random) => {
    draft.target = bent(draft.target, 'digest', (digest) =>
      random.pick([
        digest.replace(/.$/, (last) => (last === '0' ? '1' : '0')),
        digest.toUpperCase(),
        digest.replace('sha256', 'sha512'),
        ` ${digest}`,
        digest.slice(0, -1),
        '',
        'sha256:',
      ]),
    );
  },
  'payload/size': (draft, random) => {
    draft.target = withMember(draft.target, 'size', random.pick(SIZES));
  },
  'payload/large size': (draft, random) => {
    // What two doubles cannot tell apart.
    draft.subject = { ...draft.subject, size: 9_007_199_254_740_991 };
    draft.target = withMember(
      draft.target,
      'size',
      random.pick(['9007199254740991', '9007199254740992', '9007199254740990', '9007199254740991.0']),
    );
  },
  'payload/media type': (draft, random) => {
    draft.target = bent(draft.target, 'mediaType', (type) =>
      random.pick([type.toUpperCase(), `${type};v=1`, '', 'application/vnd.oci.image.index.v1+json', `${type} `]),
    );
  },
  'payload/member odd': (draft, random) => {
    draft.target = withMember(draft.target, random.pick(['mediaType', 'digest', 'size', 'annotations']), oddJson(random));
  },
  'payload/member gone': (draft, random) => {
    draft.target = without(draft.target, random.pick(['mediaType', 'digest', 'size', 'annotations']));
  },
  'payload/member twice': (draft, random) => {
    const [name, json] = draft.target[random.below(draft.target.length)] ?? ['size', '528'];
    const twin: Member = [random.pick([name, otherCase(name, random)]), random.pick([json, oddJson(random)])];
    draft.target = random.oneIn(2) ? [...draft.target, twin] : [twin, ...draft.target];
  },
  'payload/member other case': (draft, random) => {
    draft.target = draft.target.map(([name, json]) => [random.oneIn(2) ? otherCase(name, random) : name, json]);
  },
  'payload/member more': (draft, random) => {
    const name = random.pick(MORE);
    draft.target = [
      ...draft.target,
      [
        name,
        name === 'platform' ? platformJson(random) : random.pick([oddJson(random), '"QUJD"', '"QUJ"', '["https://a.example/x"]', '[1]']),
      ],
    ];
  },
  'payload/annotations': (draft, random) => {
    draft.target = withMember(
      draft.target,
      'annotations',
      random.pick([
        '{"a":1}',
        '{"a":null}',
        '{"a":{"b":"c"}}',
        '{"a":"b","a":"c"}',
        '{"":""}',
        '{"__proto__":"x"}',
        '{"a":["b"]}',
        '{"build":"7","BUILD":"8"}',
        'null',
        '[]',
        '{"a":"\\ud800"}',
      ]),
    );
  },
  'payload/outer more': (draft, random) => {
    draft.payloadMembers.push([
      random.pick(['more', 'targetartifact', 'TargetArtifact', 'targetArtifact', '', '__proto__']),
      random.pick(['null', '{}', '1', oddJson(random), '{"digest":"sha256:0"}']),
    ]);
  },
  'payload/text': (draft, random) => {
    draft.bendPayload.push((text) =>
      random.pick([
        '',
        'null',
        '{}',
        '[]',
        '"x"',
        '1',
        'true',
        '{"targetArtifact":null}',
        '{"targetArtifact":[]}',
        '{"targetArtifact":"x"}',
        `${text}\n`,
        ` ${text}`,
        `${text}garbage`,
        `${text}{}`,
        `${text}}`,
        `[${text}]`,
        `\ufeff${text}`,
        `{} ${text}`,
        `null ${text}`,
        text.slice(0, -1),
        text.replace(':', ' :\t'),
        text.replaceAll('/', '\\/'),
        text.replace('sha256', '\\u0073ha256'),
        text.replace('digest', 'd\\u0069gest'),
        text.replace('"size":', '"size":\u00a0'),
        text.replace(/}$/, ',}'),
        text.replace('{', '{/**/'),
      ]),
    );
  },
  'payload/disturbed': (draft, random) => {
    draft.bendPayload.push((text) => Buffer.from(disturbed(Buffer.from(text), random)).toString('latin1'));
  },
  'payload/deep': (draft, random) => {
    const depth = random.pick([10, 29, 30, 31, 40, 9_000, 10_001]);
    draft.payloadMembers.push(['more', '['.repeat(depth) + ']'.repeat(depth)]);
  },
  'payload/many members': (draft, random) => {
    const count = random.pick([60, 100, 4_000, 5_000]);
    const more = Array.from({ length: count }, (_, i): Member => [random.oneIn(2) ? `m${i}` : String(i), '0']);
    draft.payloadMembers.push(...more);
  },
  'subject/digest': (draft) => {
    draft.subject = { ...draft.subject, digest: draft.subject.digest.replace(/.$/, (last) => (last === '0' ? '1' : '0')) };
    draft.reference = draft.reference.replace(/@.*$/, `@${draft.subject.digest}`);
  },
  'subject/size': (draft, random) => {
    draft.subject = {
      ...draft.subject,
      size: Math.max(0, Math.min(draft.subject.size + random.pick([1, -1, 1000, -528]), Number.MAX_SAFE_INTEGER)),
    };
  },
  'subject/media type': (draft, random) => {
    draft.subject = {
      ...draft.subject,
      mediaType: random.pick(['', 'application/vnd.oci.image.index.v1+json', draft.subject.mediaType.toUpperCase()]),
    };
  },
  'subject/sha512': (draft, random) => {
    const digest = `sha512:${Buffer.from(random.bytes(64)).toString('hex')}`;
    draft.subject = { ...draft.subject, digest };
    draft.reference = draft.reference.replace(/@.*$/, `@${digest}`);
    draft.target = withMember(draft.target, 'digest', JSON.stringify(digest));
  },
  'metadata/required': (draft, random) => {
    draft.target = withMember(draft.target, 'annotations', '{"build":"7","env":"prod","empty":"","nothing":null}');
    draft.userMetadata = random.pick<Record<string, string>>([
      { build: '7' },
      { build: '7', env: 'prod' },
      { build: '8' },
      { BUILD: '7' },
      { build: '7 ' },
      { missing: '' },
      { empty: '' },
      { nothing: '' },
      { build: '7', missing: 'x' },
      {},
      { 'io.cncf.notary.x': 'y' },
    ]);
  },
  'metadata/prototype': (draft, random) => {
    draft.userMetadata = random.pick<Record<string, string>>([
      JSON.parse('{"__proto__":"x"}'),
      { constructor: 'x' },
      { toString: '' },
      { hasOwnProperty: 'x' },
    ]);
    if (random.oneIn(2)) draft.target = withMember(draft.target, 'annotations', '{"__proto__":"x","constructor":"x"}');
  },
};
