/** Writes the custom resource definitions into the folder `crds`, and the chart's copy of them. Usage: `npm run crds` */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { definitionFiles } from '../src/config/schema/crd.ts';

for (const folder of ['crds', 'helm/crds'].map((name) => join(import.meta.dirname, '..', name))) {
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(folder)) rmSync(join(folder, name));
  for (const { name, text } of definitionFiles()) writeFileSync(join(folder, name), text);
}
