import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { moduleOf } from '../tools.ts';

const PATH = 'github.com/open-policy-agent/gatekeeper/v3';

/** Folder of Gatekeeper's definitions of its kinds, as its chart installs them. */
export function definitionsFolder(): string {
  return join(moduleFolder(), 'charts/gatekeeper/crds');
}

/** The two webhook configurations as `deploy/gatekeeper.yaml` has them. */
export function readWebhookConfigurations(): readonly string[] {
  const documents = readFileSync(join(moduleFolder(), 'deploy/gatekeeper.yaml'), 'utf8').split('\n---\n');
  return documents.filter((text) => /^kind: (?:Validating|Mutating)WebhookConfiguration$/m.test(text));
}

function moduleFolder(): string {
  return execFileSync('go', ['list', '-mod=readonly', '-m', '-f', '{{.Dir}}', PATH], {
    cwd: moduleOf('gatekeeper'),
    encoding: 'utf8',
  }).trim();
}
