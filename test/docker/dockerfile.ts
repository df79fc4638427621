import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, isAbsolute, join, matchesGlob } from 'node:path';

/** One instruction, its continued lines joined. */
export interface Instruction {
  readonly name: string;
  readonly text: string;
}

/** A stage as far as a test can build it without a builder: its files in a folder, and what it says of how it is run. */
export interface Stage {
  readonly base: string;
  /** Folder that stands for its root. */
  readonly root: string;
  readonly env: ReadonlyMap<string, string>;
  readonly user: string;
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
}

/** Does what a RUN instruction says, in a folder, in its own way; true if it did. */
export type Runner = (command: string, folder: string) => boolean;

type Building = { -readonly [Field in keyof Stage]: Stage[Field] } & { env: Map<string, string>; workdir: string; name: string };

export function parseDockerfile(file: string): readonly Instruction[] {
  const lines = readFileSync(file, 'utf8')
    .replace(/\\\n/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#'));
  return lines.map((line) => ({ name: line.slice(0, line.indexOf(' ')), text: line.slice(line.indexOf(' ') + 1).trim() }));
}

/** Follows the instructions below `folder` from the files of `context`; the last stage is the image. */
export function build(instructions: readonly Instruction[], context: string, folder: string, run: Runner): Stage {
  const args = new Map<string, string>();
  const stages: Building[] = [];
  const ignored = readFileSync(join(context, '.dockerignore'), 'utf8').trim().split('\n');
  for (const { name, text } of instructions) {
    const stage = stages.at(-1);
    if (name === 'ARG') args.set(text.split('=')[0] ?? '', text.split('=')[1] ?? '');
    else if (name === 'FROM') stages.push(from(text, args, join(folder, `stage-${stages.length}`)));
    else if (stage === undefined) throw new Error(`${name} before FROM`);
    else STEPS[name]?.(stage, text, { context, ignored, stages, run });
    if (!KNOWN.has(name)) throw new Error(`an instruction that this test does not know: ${name} ${text}`);
  }
  const last = stages.at(-1);
  if (last === undefined) throw new Error('a Dockerfile without FROM');
  return last;
}

interface World {
  readonly context: string;
  readonly ignored: readonly string[];
  readonly stages: readonly Building[];
  readonly run: Runner;
}

const STEPS: Readonly<Record<string, (stage: Building, text: string, world: World) => void>> = {
  WORKDIR: (stage, text) => {
    stage.workdir = text;
    mkdirSync(join(stage.root, text), { recursive: true });
  },
  COPY: copy,
  RUN: (stage, text, { run }) => {
    if (!run(text, join(stage.root, stage.workdir))) execFileSync('/bin/sh', ['-ec', text], { cwd: join(stage.root, stage.workdir) });
  },
  ENV: (stage, text) => {
    stage.env.set(text.split('=')[0] ?? '', text.split('=')[1] ?? '');
  },
  USER: (stage, text) => {
    stage.user = text;
  },
  ENTRYPOINT: (stage, text) => {
    stage.entrypoint = JSON.parse(text) as string[];
  },
  CMD: (stage, text) => {
    stage.command = JSON.parse(text) as string[];
  },
};
const KNOWN = new Set([...Object.keys(STEPS), 'ARG', 'FROM', 'LABEL', 'EXPOSE']);

function from(text: string, args: ReadonlyMap<string, string>, root: string): Building {
  const [image = '', , name = ''] = text.split(' ');
  const base = image.replace(/^\$\{(\w+)\}$/, (_, arg: string) => args.get(arg) ?? '');
  mkdirSync(root, { recursive: true });
  chmodSync(root, 0o755);
  return { base, name, root, workdir: '/', env: new Map(), user: '', entrypoint: [], command: [] };
}

function copy(stage: Building, text: string, { context, ignored, stages }: World): void {
  const words = text.split(' ');
  const origin = words[0]?.startsWith('--from=') ? words.shift()?.slice('--from='.length) : undefined;
  const target = words.pop() ?? '';
  const source = origin === undefined ? context : (stages.find(({ name }) => name === origin)?.root ?? '');
  for (const word of words) {
    if (origin === undefined && ignored.some((pattern) => matchesGlob(word, pattern))) throw new Error(`${word} is in .dockerignore`);
    const path = join(source, word);
    if (!existsSync(path)) throw new Error(`COPY ${text}: there is no ${word}`);
    const to = join(
      stage.root,
      isAbsolute(target) ? '' : stage.workdir,
      target,
      target.endsWith('/') ? (word.split('/').at(-1) ?? '') : '',
    );
    mkdirSync(dirname(to), { recursive: true });
    cpSync(path, to, { recursive: true, verbatimSymlinks: true });
  }
}
