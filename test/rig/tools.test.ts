// @rig none
import { describe, expect, it } from '@jest/globals';
import { flagsOf, RIG_TOOLS, toolsOfSuites } from './tools.ts';

describe('the tools that suites name', () => {
  it.each([
    ['one', ['// @rig olareg\n'], ['olareg']],
    ['a group and one', ['// @rig gatekeeper, cluster\n'], ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kubectl', 'gatekeeper']],
    ['each once', ['// @rig olareg, notation\n', '// @rig notation\n'], ['olareg', 'notation']],
    ['none', ['// @rig none\n'], []],
    ['nothing for no suite', [], []],
  ])('are %s', (_, texts, expected) => {
    expect(toolsOfSuites(texts)).toEqual(expected);
  });

  it('are all where a suite says nothing', () => {
    expect(toolsOfSuites(['// @rig olareg\n', 'import x;\n'])).toEqual(RIG_TOOLS);
  });

  it.each(['olarge', 'olareg,notation', ''])('are not %j', (list) => {
    expect(() => toolsOfSuites([`// @rig ${list}!\n`])).toThrow('which is no tool of the rig');
  });
});

describe('the flags of a build', () => {
  it('are the same for tools that are told nothing, and tell Kubernetes its version', () => {
    expect(flagsOf('olareg')).toEqual(['-mod=readonly', '-trimpath', '-ldflags', '-s -w']);
    expect(flagsOf('kubectl').at(-1)).toContain('-X k8s.io/component-base/version.gitVersion=v1.36.3');
  });
});
