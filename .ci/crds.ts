/** Writes the custom resource definitions into the folder `crds`, and for the chart into `helm/crds`. Usage: `npm run crds` */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { definitionFiles } from '../src/config/schema/crd.ts';

for (const folder of ['../crds', '../helm/crds'].map((path) => join(import.meta.dirname, path))) {
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(folder)) rmSync(join(folder, name));
  for (const { name, text } of definitionFiles()) writeFileSync(join(folder, name), text);
}
