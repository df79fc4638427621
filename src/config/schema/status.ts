import { z } from 'zod';

const condition = z
  .object({
    type: z.string().max(316).describe('What is told about; Ready is the one of ours.'),
    status: z.enum(['True', 'False', 'Unknown']).describe('Whether it is so.'),
    observedGeneration: z.int().min(0).optional().describe('The metadata.generation that this was found out about.'),
    lastTransitionTime: z.iso.datetime().describe('When status last became another.'),
    reason: z.string().min(1).max(1024).describe('Applied, or a code of docs/errors.md.'),
    message: z.string().max(32_768).describe('What is wrong, in one line; empty when nothing is.'),
  })
  .describe('One thing that is so, or not.');

const shared = {
  issuccess: z.boolean().describe('Whether the object is in force as it stands here.'),
  error: z.string().optional().describe('What is wrong with it; empty when nothing is.'),
  brieferror: z.string().optional().describe('The same in at most 100 characters.'),
  conditions: z.array(condition).optional().describe('What is so of the object.'),
};

/** What became of a Store, Verifier or Policy: Ratify's fields, and conditions. */
export const objectStatus = z.object(shared).describe('What became of the object; written by Countersign.');

/** What became of a key provider. */
export const keyProviderStatus = z
  .object({
    ...shared,
    lastfetchedtime: z.iso.datetime().optional().describe('When it was last tried to fetch.'),
    properties: z.looseObject({}).optional().describe('Certificates and keys in force: names, versions, subjects, fingerprints, dates.'),
  })
  .describe('What became of the object; written by Countersign.');

export type ObjectStatus = z.infer<typeof objectStatus>;
export type KeyProviderStatus = z.infer<typeof keyProviderStatus>;
