import { join } from 'node:path';

/** Tools the rig runs: upstream's, each with its pinned module in `tools/NAME`, and our own, whose module holds its source. */
const PACKAGES = {
  olareg: 'github.com/olareg/olareg/cmd/olareg',
  notation: 'github.com/notaryproject/notation/cmd/notation',
  crane: 'github.com/google/go-containerregistry/cmd/crane',
  oras: 'oras.land/oras/cmd/oras',
  registry: 'github.com/distribution/distribution/v3/cmd/registry',
  oracle: '.',
} as const;

const OWN_MODULES: Readonly<Partial<Record<keyof typeof PACKAGES, string>>> = {
  oracle: join(import.meta.dirname, '../oracle/reference'),
};

export type ToolName = keyof typeof PACKAGES;

export const RIG_TOOLS: readonly ToolName[] = Object.keys(PACKAGES).filter(isToolName);

export function isToolName(name: string): name is ToolName {
  return Object.hasOwn(PACKAGES, name);
}

export function packageOf(tool: ToolName): string {
  return PACKAGES[tool];
}

/** Folder of the module that a tool is built in. */
export function moduleOf(tool: ToolName): string {
  return OWN_MODULES[tool] ?? join(import.meta.dirname, 'tools', tool);
}
