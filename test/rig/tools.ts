/** Upstream tools the rig runs; each has its pinned module in `tools/NAME`. */
const PACKAGES = {
  olareg: 'github.com/olareg/olareg/cmd/olareg',
  notation: 'github.com/notaryproject/notation/cmd/notation',
  crane: 'github.com/google/go-containerregistry/cmd/crane',
  oras: 'oras.land/oras/cmd/oras',
  registry: 'github.com/distribution/distribution/v3/cmd/registry',
} as const;

export type ToolName = keyof typeof PACKAGES;

export const RIG_TOOLS: readonly ToolName[] = Object.keys(PACKAGES).filter(isToolName);

export function isToolName(name: string): name is ToolName {
  return Object.hasOwn(PACKAGES, name);
}

export function packageOf(tool: ToolName): string {
  return PACKAGES[tool];
}
