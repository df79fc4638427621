import type { ServingTimes } from '../../src/kube/serving-certificate.ts';

/**
 * Arguments for Node under which a product keeps its serving certificate by other times: the file as it is, but for these numbers. No setting
 * has them, since no operator has a use for shorter ones.
 */
export function withServingTimes(times: Pick<ServingTimes, 'lookMs' | 'settleMs' | 'retireMs'>): readonly string[] {
  const hook = `
    import { registerHooks } from 'node:module';
    const times = Object.entries(${JSON.stringify(times)});
    registerHooks({
      load(url, context, next) {
        const loaded = next(url, context);
        if (!url.endsWith('/src/kube/serving-certificate.ts')) return loaded;
        const source = times.reduce((text, [name, ms]) => {
          const changed = text.replace(new RegExp('(const TIMES.*\\\\b' + name + ': )[0-9_]+'), '$1' + ms);
          if (changed === text) throw new Error('serving-certificate.ts has no ' + name + ' in its TIMES');
          return changed;
        }, String(loaded.source));
        return { ...loaded, source };
      },
    });`;
  return ['--import', `data:text/javascript,${encodeURIComponent(hook)}`];
}
