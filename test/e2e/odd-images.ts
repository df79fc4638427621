/** What images are made of: the registry of the rig, and two digests in its repository `app`. */
export interface Known {
  readonly host: string;
  readonly signed: string;
  readonly unsigned: string;
}

/** Images as a tenant may write them, and the code by which each is denied. `app:signed` is a good one. */
export const ODD_IMAGES: readonly (readonly [what: string, image: (known: Known) => string, code: string])[] = [
  ['A-T-05 another namespace in front', ({ host }) => `[free]${host}/app:signed`, 'INVALID_REFERENCE'],
  ['A-T-05 two namespaces in front', ({ host }) => `[free][tried]${host}/app:signed`, 'INVALID_REFERENCE'],
  ['A-T-05 a closing bracket', ({ host }) => `]${host}/app:signed`, 'INVALID_REFERENCE'],
  ['A-T-05 an attribute', ({ host }) => `[enforced?break-glass=true]${host}/app:signed`, 'INVALID_REFERENCE'],
  ['A-T-09 capitals in the repository', ({ host }) => `${host}/App:signed`, 'INVALID_REFERENCE'],
  ['A-T-09 two slashes', ({ host }) => `${host}//app:signed`, 'INVALID_REFERENCE'],
  ['A-T-09 a way up', ({ host }) => `${host}/free/../app:signed`, 'INVALID_REFERENCE'],
  ['A-T-09 a letter in percents', ({ host }) => `${host}/%61pp:signed`, 'INVALID_REFERENCE'],
  ['A-T-09 a backslash', ({ host }) => `${host}\\app:signed`, 'INVALID_REFERENCE'],
  ['A-T-09 a query', ({ host }) => `${host}/app:signed?x=1`, 'INVALID_REFERENCE'],
  ['A-T-09 a fragment', ({ host }) => `${host}/app:signed#x`, 'INVALID_REFERENCE'],
  ['A-T-09 a user', ({ host }) => `user@${host}/app:signed`, 'INVALID_REFERENCE'],
  ['A-T-09 a scheme', ({ host }) => `http://${host}/app:signed`, 'INVALID_REFERENCE'],
  ['A-T-09 a port with a zero in front', ({ host }) => `${host.replace(':', ':0')}/app:signed`, 'INVALID_REFERENCE'],
  ['A-T-09 an address in another form', ({ host }) => `${host.replace('127.0.0.1', '127.1')}/app:signed`, 'INVALID_REFERENCE'],
  ['A-T-11 the tag of a signed image on the digest of another', ({ host, unsigned }) => `${host}/app:signed@${unsigned}`, 'NO_SIGNATURES'],
  ['A-T-12 two digests', ({ host, signed, unsigned }) => `${host}/app@${unsigned}@${signed}`, 'INVALID_REFERENCE'],
  ['A-T-12 half a digest', ({ host, signed }) => `${host}/app@${signed.slice(0, 40)}`, 'INVALID_REFERENCE'],
  ['A-T-12 a tag of 129 letters', ({ host }) => `${host}/app:${'x'.repeat(129)}`, 'INVALID_REFERENCE'],
  ['A-T-12 a repository of 256 letters', ({ host }) => `${host}/${'x'.repeat(256)}:1`, 'INVALID_REFERENCE'],
  ['A-T-12 four thousand letters', ({ host }) => `${host}/${'x/'.repeat(2000)}app:signed`, 'INVALID_REFERENCE'],
  ['A-T-15 a letter of another alphabet', ({ host }) => `${host}/\u0430pp:signed`, 'INVALID_REFERENCE'],
  ['A-T-15 a space of no width', ({ host }) => `${host}/app\u200b:signed`, 'INVALID_REFERENCE'],
  ['A-T-15 text from right to left', ({ host }) => `${host}/\u202eapp:signed`, 'INVALID_REFERENCE'],
  ['A-T-15 a line break', ({ host }) => `${host}/app:signed\n${host}/app:signed`, 'INVALID_REFERENCE'],
];
