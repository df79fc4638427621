import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';

/** A rendered object, as far as tests look into it. */
export interface Rendered {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly [field: string]: unknown };
  // biome-ignore lint/suspicious/noExplicitAny: what the tests assert on is the shape itself
  readonly [field: string]: any;
}

export interface HelmResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RenderOptions {
  /** Values, over those of the file. */
  readonly values?: Readonly<Record<string, unknown>>;
  readonly file?: string;
  readonly namespace?: string;
  readonly release?: string;
}

/** The real `helm`, without a cluster. */
export interface Helm {
  run(...args: readonly string[]): Promise<HelmResult>;
  /** The objects of the chart, or an error with what helm said. */
  render(options?: RenderOptions): Promise<readonly Rendered[]>;
  /** Why the chart does not render. */
  refusal(options: RenderOptions): Promise<string>;
  dispose(): void;
}

export const CHART = join(import.meta.dirname, '../../helm');
/** Of a helm that was not told which Kubernetes it was made for. */
const KUBERNETES = ['--kube-version', '1.36.3'];

export function createHelm(bin: string): Helm {
  const home = mkdtempSync(join(tmpdir(), 'countersign-helm-'));
  let files = 0;
  const run = (...args: readonly string[]): Promise<HelmResult> =>
    new Promise((resolve, reject) => {
      const env = { PATH: process.env.PATH, HOME: home, KUBECONFIG: join(home, 'no-cluster') };
      execFile(bin, args, { cwd: join(CHART, '..'), env, timeout: 60_000, maxBuffer: 16 * 1024 * 1024 }, (error, stdout, stderr) => {
        const code = error === null ? 0 : error.code;
        if (typeof code === 'number') resolve({ code, stdout, stderr });
        else reject(error);
      });
    });
  const argumentsOf = ({ values, file, namespace = 'gatekeeper-system', release = 'countersign' }: RenderOptions): readonly string[] => {
    const own = join(home, `values-${files++}.yaml`);
    writeFileSync(own, stringify(values ?? {}));
    return [release, CHART, '--namespace', namespace, ...KUBERNETES, ...(file === undefined ? [] : ['--values', file]), '--values', own];
  };
  const template = (options: RenderOptions): Promise<HelmResult> => run('template', ...argumentsOf(options));
  return {
    run,
    async render(options = {}) {
      const { code, stdout, stderr } = await template(options);
      if (code !== 0) throw new Error(stderr);
      return objectsOf(stdout);
    },
    async refusal(options) {
      const { code, stderr } = await template(options);
      return code === 0 ? '' : stderr;
    },
    dispose: () => rmSync(home, { recursive: true, force: true }),
  };
}

/** The objects of a stream of YAML documents. */
export function objectsOf(text: string): readonly Rendered[] {
  return parseAllDocuments(text)
    .map((document) => {
      if (document.errors[0] !== undefined) throw document.errors[0];
      return document.toJS() as Rendered | null;
    })
    .filter((object) => object !== null);
}

export function one(objects: readonly Rendered[], kind: string, name?: string): Rendered {
  const [found, ...more] = objects.filter((object) => object.kind === kind && (name === undefined || object.metadata.name === name));
  if (found === undefined || more.length > 0)
    throw new Error(`expected one ${kind} ${name ?? ''}, found ${found === undefined ? 0 : more.length + 1}`);
  return found;
}
