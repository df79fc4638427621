import type { BuildDeps } from '../config/build.ts';
import { familiesOf } from '../config/families.ts';
import { kinds } from '../config/kinds.ts';
import type { Settings } from '../config/settings.ts';

/** What the settings say of families of rules, for whoever builds engines. @throws {SettingsError} */
export function policyOf(settings: Settings): Pick<BuildDeps, 'families' | 'uncovered'> {
  const { uncovered } = settings;
  return { families: familiesOf(settings, kinds), ...(uncovered === undefined ? {} : { uncovered }) };
}
