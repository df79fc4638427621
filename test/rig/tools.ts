import { join } from 'node:path';

interface Tool {
  /** Folder under `tools/` with the pinned module, or of our own source. */
  readonly module: string;
  readonly package: string;
  /** Go variables set by the linker. */
  readonly variables?: Readonly<Record<string, string>>;
}

const OWN_ORACLE = '../../oracle/reference';

// A server that was not told its version calls itself v0.0.0-master+$Format:%H$, which its own kubectl cannot read.
const KUBERNETES_VERSION = {
  'k8s.io/component-base/version.gitVersion': 'v1.36.3',
  'k8s.io/component-base/version.gitMajor': '1',
  'k8s.io/component-base/version.gitMinor': '36',
  'k8s.io/component-base/version.gitTreeState': 'clean',
  'k8s.io/client-go/pkg/version.gitVersion': 'v1.36.3',
  'k8s.io/client-go/pkg/version.gitMajor': '1',
  'k8s.io/client-go/pkg/version.gitMinor': '36',
};
const GATEKEEPER_VERSION = { 'github.com/open-policy-agent/gatekeeper/v3/pkg/version.Version': 'v3.23.0' };

/** Programs that the rig runs; one module may hold several. */
const TOOLS = {
  olareg: { module: 'olareg', package: 'github.com/olareg/olareg/cmd/olareg' },
  notation: { module: 'notation', package: 'github.com/notaryproject/notation/cmd/notation' },
  crane: { module: 'crane', package: 'github.com/google/go-containerregistry/cmd/crane' },
  oras: { module: 'oras', package: 'oras.land/oras/cmd/oras' },
  registry: { module: 'registry', package: 'github.com/distribution/distribution/v3/cmd/registry' },
  oracle: { module: OWN_ORACLE, package: '.' },
  etcd: { module: 'etcd', package: 'go.etcd.io/etcd/server/v3' },
  'kube-apiserver': { module: 'kubernetes', package: 'k8s.io/kubernetes/cmd/kube-apiserver', variables: KUBERNETES_VERSION },
  'kube-controller-manager': {
    module: 'kubernetes',
    package: 'k8s.io/kubernetes/cmd/kube-controller-manager',
    variables: KUBERNETES_VERSION,
  },
  kubectl: { module: 'kubernetes', package: 'k8s.io/kubernetes/cmd/kubectl', variables: KUBERNETES_VERSION },
  opa: { module: 'opa', package: 'github.com/open-policy-agent/opa' },
  helm: { module: 'helm', package: 'helm.sh/helm/v3/cmd/helm' },
  gatekeeper: { module: 'gatekeeper', package: 'github.com/open-policy-agent/gatekeeper/v3', variables: GATEKEEPER_VERSION },
  gator: { module: 'gatekeeper', package: 'github.com/open-policy-agent/gatekeeper/v3/cmd/gator', variables: GATEKEEPER_VERSION },
} as const satisfies Readonly<Record<string, Tool>>;

export type ToolName = keyof typeof TOOLS;

export const RIG_TOOLS: readonly ToolName[] = Object.keys(TOOLS).filter(isToolName);

export function isToolName(name: string): name is ToolName {
  return Object.hasOwn(TOOLS, name);
}

export function packageOf(tool: ToolName): string {
  return TOOLS[tool].package;
}

/** Folder of the module that a tool is built in. */
export function moduleOf(tool: ToolName): string {
  return join(import.meta.dirname, 'tools', TOOLS[tool].module);
}

/** Arguments of `go build` for a tool, apart from where to and what. */
export function flagsOf(tool: ToolName): readonly string[] {
  const { variables = {} }: Tool = TOOLS[tool];
  const linked = Object.entries(variables).map(([name, value]) => `-X ${name}=${value}`);
  return ['-mod=readonly', '-trimpath', '-ldflags', ['-s -w', ...linked].join(' ')];
}

/** Short for tools that go together. */
const GROUPS: Readonly<Record<string, readonly ToolName[]>> = {
  none: [],
  cluster: ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kubectl'],
};

/** The tools that suites name on a line `// @rig olareg, notation, cluster`; all tools if one of them has no such line. */
export function toolsOfSuites(texts: readonly string[]): readonly ToolName[] {
  const named = new Set(texts.flatMap(toolsOf));
  return RIG_TOOLS.filter((tool) => named.has(tool));
}

function toolsOf(text: string): readonly ToolName[] {
  const [, list] = /^\/\/ @rig (.+)$/m.exec(text) ?? [];
  return list === undefined ? RIG_TOOLS : list.split(', ').flatMap(toolsNamed);
}

function toolsNamed(name: string): readonly ToolName[] {
  if (isToolName(name)) return [name];
  const group = GROUPS[name];
  if (group === undefined) throw new Error(`@rig names ${JSON.stringify(name)}, which is no tool of the rig`);
  return group;
}
