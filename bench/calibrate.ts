import { constants, generateKeyPairSync, randomBytes, sign, verify } from 'node:crypto';
import { median } from './statistics.ts';

const BATCH = 500;
const BATCHES = 9;

/** CPU microseconds of one RSA-PSS-2048 verification by `node:crypto` on this machine, now: the unit of the CPU figures. */
export function signatureCheckMicroseconds(): number {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const padding = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
  const message = randomBytes(1_200);
  const signature = sign('sha256', message, { key: privateKey, ...padding });
  const batch = (): number => {
    const before = process.cpuUsage();
    for (let i = 0; i < BATCH; i++)
      if (!verify('sha256', message, { key: publicKey, ...padding }, signature)) throw new Error('a good signature was refused');
    const { user, system } = process.cpuUsage(before);
    return (user + system) / BATCH;
  };
  batch();
  return median(Array.from({ length: BATCHES }, batch));
}
