import { z } from 'zod';
import { defineStore } from '../engine/kinds.ts';
import { createLayout } from '../oci/index.ts';

const parameters = z.object({
  path: z.string().min(1).describe('Directory of an OCI image layout.'),
  registry: z
    .string()
    .regex(/^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[1-9][0-9]{0,4})?$/)
    .describe('Host, in lower case, for whose references the layout answers.'),
});

/** An OCI image layout on disk that stands for one registry. */
export const ociLayout = defineStore({
  type: 'oci-layout',
  parameters,
  create: ({ parameters: { path, registry } }) => ({ answersFor: (host) => host === registry, ...createLayout(path, registry) }),
});
