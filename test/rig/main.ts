/** `npm run rig`: a cluster with Gatekeeper and the product for a person to try, on loopback, until Ctrl-C. */
import { once } from 'node:events';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { constraint, readObjects } from '../e2e/policies.ts';
import { ensureTools, goAvailable } from './build.ts';
import { pod } from './workloads.ts';
import { startWorld, type World } from './world.ts';

const HELP = `npm run rig [-- OPTION…]

Brings up etcd, kube-apiserver, kube-controller-manager, Gatekeeper, a registry and Countersign on 127.0.0.1, with one signed and one
unsigned image and a policy for the namespace "default", and says what to try. Ctrl-C stops everything and removes its state. The first
run builds the tools from their pinned Go modules, which takes about half an hour of two cores.

  --as-in-a-cluster  Gatekeeper makes its own certificates, and its audit runs apart
  -h, --help         this text

Exit code: 0 when it was stopped by Ctrl-C or SIGTERM, 1 when it could not be brought up, 3 for an option that is not known.`;

const MISUSE = 3;

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const options = parse(args);
  if (options === undefined) return MISUSE;
  if (options.help === true) {
    console.log(HELP);
    return 0;
  }
  if (!goAvailable()) {
    console.error('rig: expected a Go toolchain to build the tools with, found none in PATH');
    return 1;
  }
  const started = performance.now();
  const say = (line: string): void => console.error(`rig: ${((performance.now() - started) / 1000).toFixed(1).padStart(5)} s  ${line}`);
  let world: World;
  try {
    world = await bringUp(options['as-in-a-cluster'] === true, say);
  } catch (error) {
    console.error(`rig: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  }
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  // What is typed while it stops is not to leave half of it behind.
  process.on('SIGINT', () => undefined).on('SIGTERM', () => undefined);
  say('stopping');
  await world.stop();
  say('stopped; nothing is left');
  return 0;
}

function parse(args: readonly string[]): { help?: boolean; 'as-in-a-cluster'?: boolean } | undefined {
  try {
    return parseArgs({
      args: [...args],
      options: { help: { type: 'boolean', short: 'h' }, 'as-in-a-cluster': { type: 'boolean' } },
    }).values;
  } catch (error) {
    console.error(`rig: ${error instanceof Error ? error.message : String(error)}\n\n${HELP}`);
    return undefined;
  }
}

async function bringUp(asInACluster: boolean, say: (line: string) => void): Promise<World> {
  const { kubectl } = await ensureTools(['kubectl'], say);
  const world = await startWorld({
    declared: 'cluster',
    gatekeeper: asInACluster ? { certificate: 'gatekeeper', separateAudit: true } : {},
    onProgress: say,
  });
  try {
    const signed = await world.images.pushSigned('app:signed');
    const unsigned = await world.images.push('app:unsigned');
    await world.declare(
      ...readObjects('policies/verified-images/template.yaml'),
      constraint({
        kind: 'CountersignVerifiedImages',
        name: 'verified-images',
        namespaces: ['default'],
        parameters: { provider: 'countersign-provider' },
      }),
    );
    say('the policy is in force');
    const { message } = await world.cluster.client.create(pod('default', 'unsigned', unsigned.reference), { dryRun: true });
    console.log(`
In another terminal:

  export KUBECONFIG=${world.cluster.kubeconfig}
  export PATH=${dirname(kubectl)}:$PATH

  kubectl run signed --image=${signed.reference}        # admitted
  kubectl run unsigned --image=${unsigned.reference}    # denied
  kubectl create deployment unsigned --image=${unsigned.reference} && kubectl get deployment unsigned -o yaml

The second one is told: ${message}
The third one is told the same, in the condition ReplicaFailure. Whom to trust is declared in the cluster:

  kubectl get keymanagementproviders,stores,verifiers

Logs are in ${dirname(world.cluster.log('countersign'))}. Ctrl-C stops everything and removes its state.
`);
    return world;
  } catch (error) {
    await world.stop();
    throw error;
  }
}
