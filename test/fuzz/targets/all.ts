import type { CreateTarget, Materials } from '../materials.ts';
import type { Target } from '../target.ts';

/** Every target by its name, loaded when it is wanted: their oracles are large. */
export const TARGETS: ReadonlyMap<string, () => Promise<CreateTarget>> = new Map<string, () => Promise<CreateTarget>>([
  ['der', async () => (await import('./der.ts')).createDerTarget],
  ['cbor', async () => (await import('./cbor.ts')).createCborTarget],
  ['json', async () => (await import('./json.ts')).createJsonTarget],
  ['reference', async () => (await import('./reference.ts')).createReferenceTarget],
  ['dn', async () => (await import('./dn.ts')).createDnTarget],
  ['pem', async () => (await import('./pem.ts')).createPemTarget],
  ['trust-policy', async () => (await import('./trust-policy.ts')).createTrustPolicyTarget],
  ['certificate', async () => (await import('./certificate.ts')).createCertificateTarget],
  ['jws', async () => (await import('./jws.ts')).createJwsTarget],
  ['cose', async () => (await import('./cose.ts')).createCoseTarget],
  ['ocsp', async () => (await import('./ocsp.ts')).createOcspTarget],
  ['crl', async () => (await import('./crl.ts')).createCrlTarget],
  ['cms', async () => (await import('./cms.ts')).createCmsTarget],
  ['payload', async () => (await import('./payload.ts')).createPayloadTarget],
  ['pgp', async () => (await import('./pgp.ts')).createPgpTarget],
]);

/** A target with these materials. */
export async function createTarget(name: string, materials: Materials): Promise<Target> {
  const load = TARGETS.get(name);
  if (load === undefined) throw new Error(`no such target: ${name}`);
  const create = await load();
  return create(materials);
}
