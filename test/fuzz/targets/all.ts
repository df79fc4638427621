import type { CreateTarget } from '../materials.ts';
import { createCborTarget } from './cbor.ts';
import { createCertificateTarget } from './certificate.ts';
import { createCmsTarget } from './cms.ts';
import { createCoseTarget } from './cose.ts';
import { createCrlTarget } from './crl.ts';
import { createDerTarget } from './der.ts';
import { createDnTarget } from './dn.ts';
import { createJsonTarget } from './json.ts';
import { createJwsTarget } from './jws.ts';
import { createOcspTarget } from './ocsp.ts';
import { createPemTarget } from './pem.ts';
import { createReferenceTarget } from './reference.ts';
import { createTrustPolicyTarget } from './trust-policy.ts';

/** Every target by its name. */
export const TARGETS: ReadonlyMap<string, CreateTarget> = new Map([
  ['der', createDerTarget],
  ['cbor', createCborTarget],
  ['json', createJsonTarget],
  ['reference', createReferenceTarget],
  ['dn', createDnTarget],
  ['pem', createPemTarget],
  ['trust-policy', createTrustPolicyTarget],
  ['certificate', createCertificateTarget],
  ['jws', createJwsTarget],
  ['cose', createCoseTarget],
  ['ocsp', createOcspTarget],
  ['crl', createCrlTarget],
  ['cms', createCmsTarget],
]);
