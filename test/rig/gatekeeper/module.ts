import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { moduleOf } from '../tools.ts';

const PATH = 'github.com/open-policy-agent/gatekeeper/v3';
const CRDS = 'charts/gatekeeper/crds';

/** Gatekeeper's definitions of its kinds by their names, as its chart installs them. */
export function readDefinitions(): ReadonlyMap<string, string> {
  const folder = join(moduleFolder(), CRDS);
  const texts = readdirSync(folder).map((file) => readFileSync(join(folder, file), 'utf8'));
  return new Map(texts.map((text) => [nameOf(text), text]));
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

function nameOf(text: string): string {
  const [, name] = /^ {2}name: (\S+)$/m.exec(text) ?? [];
  if (name === undefined) throw new Error(`a definition without a name: ${text.slice(0, 200)}`);
  return name;
}
