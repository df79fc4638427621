import { fromBER } from 'asn1js';

/** Whether asn1js, on which pkijs stands, takes every value in it. */
export function isReadByAsn1js(bytes: Uint8Array): boolean {
  try {
    return fromBER(bytes).offset === bytes.length;
  } catch {
    return false;
  }
}
