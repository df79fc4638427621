import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { CodedError, errorText } from '../lib/errors.ts';
import { packageVersion } from '../lib/version.ts';
import { dateOf, parseInstant } from '../notation/time.ts';
import { EXIT_INTERNAL, EXIT_MISUSE } from './exit.ts';

const MAX_IMAGES = 1_000;
const SETTINGS = 'YAML file of settings that are no Kubernetes object: docs/configuration.md, Settings';

/** Runs one command line; resolves with the exit code. Text goes to standard output, diagnostics to standard error. */
export async function run(argv: readonly string[]): Promise<number> {
  let exitCode = 0;
  const program = createProgram((code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_MISUSE;
    if (!(error instanceof CodedError)) return internal(error);
    process.stderr.write(`countersign: ${error.code}: ${errorText(error)}\n`);
    return EXIT_MISUSE;
  }
}

type Exit = (code: number) => void;

/** A defect of ours decides nothing: the exit code is that of *unavailable*. */
function internal(error: unknown): number {
  const trace = error instanceof Error ? error.stack : undefined;
  process.stderr.write(`countersign: INTERNAL: an error of ours; report it, see SECURITY.md\n${trace ?? errorText(error)}\n`);
  return EXIT_INTERNAL;
}

function createProgram(exit: Exit): Command {
  const program = new Command('countersign')
    .description('Lets a cluster run only the images it has reason to trust, and says why it refused the others.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand(false)
    .showHelpAfterError('(countersign --help shows the commands)')
    .addHelpText('after', '\nExit codes: 0 accepted, 1 refused, 2 unavailable, 3 misconfigured or misuse.')
    .exitOverride();
  addVerify(program, exit);
  addDiscover(program, exit);
  addResolve(program, exit);
  addJudge(program, exit);
  addServe(program, exit);
  addDemo(program, exit);
  return program;
}

function addVerify(program: Command, exit: Exit): void {
  command(program, 'verify', 'Verifies images and says what was found, who signed and what to do.')
    .argument('<image...>', 'image references, by tag or digest', images)
    .requiredOption('--config <path>', 'YAML file, or folder of them, that declares what is trusted')
    .option(
      '--namespace <name>',
      "the namespace that the images are for; without it the objects of the cluster decide; kritis' objects need one",
    )
    .addOption(new Option('--at <time>', 'judge as of this RFC 3339 time').argParser(time))
    .addOption(output())
    .option('--plain-http', 'speak plain HTTP to every registry')
    .option('--settings <file>', SETTINGS)
    .addOption(new Option('--timeout <seconds>', 'give up on an image after this long').argParser(seconds).default(30))
    .addHelpText(
      'after',
      '\nExamples:\n  countersign verify registry.example.com/app:1.0 --config trust.yaml\n  countersign verify app:1 app:2 --config objects/ --settings settings.yaml --namespace team-a -o json',
    )
    .action(async (references: string[], options) => exit(await (await import('./verify.ts')).verifyCommand(references, options)));
}

function addDiscover(program: Command, exit: Exit): void {
  inspecting(command(program, 'discover', 'Shows the tree of what is attached to an image.'))
    .addHelpText('after', '\nExample:\n  countersign discover registry.example.com/app:1.0')
    .action(async (image: string, options) => exit(await (await import('./discover.ts')).discoverCommand(image, options)));
}

function addResolve(program: Command, exit: Exit): void {
  inspecting(command(program, 'resolve', 'Prints the reference of an image by its digest.'))
    .addHelpText('after', '\nExample:\n  countersign resolve registry.example.com/app:1.0')
    .action(async (image: string, options) => exit(await (await import('./resolve.ts')).resolveCommand(image, options)));
}

function addJudge(program: Command, exit: Exit): void {
  command(program, 'judge', 'Judges signature cases, one JSON object a line, without a registry.')
    .addHelpText(
      'after',
      '\nReads cases from standard input and writes an answer a line to standard output, in order.\nExit code 0 when every line was a case, 3 otherwise.\n\nExample:\n  countersign judge < cases.jsonl > answers.jsonl',
    )
    .action(async () => exit(await (await import('./judge.ts')).judgeCommand(process.stdin, process.stdout)));
}

function addServe(program: Command, exit: Exit): void {
  command(program, 'serve', 'Answers Gatekeeper: the external-data provider, over HTTPS with client certificates.')
    .option('--config <path>', 'YAML file, or folder of them, that declares what is trusted; changes are followed')
    .option('--kube', 'follow the custom resources of the cluster: of the Pod that this runs in, else of KUBECONFIG')
    .option('--listen <host:port>', 'where Gatekeeper asks; port 0 picks one', ':6001')
    .option('--admin <host:port>', 'health and metrics, plain HTTP', ':8888')
    .option(
      '--tls-cert <file>',
      'serving certificate, PEM; followed when it changes; left out with --kube and servingCertificate in the settings, it is made here',
    )
    .option('--tls-key <file>', 'its key, PEM')
    .option('--client-ca <file>', 'authorities of client certificates, PEM')
    .option('--client-name <name>', 'DNS name that the client certificate must have', 'gatekeeper-webhook-service.gatekeeper-system.svc')
    .option('--no-client-auth', 'answer whoever reaches the port')
    .option('--plain-http', 'speak plain HTTP to every registry')
    .option('--settings <file>', SETTINGS)
    .addHelpText(
      'after',
      '\nEither --client-ca or --no-client-auth is needed, and --config, --kube or both.\n\nExamples:\n  countersign serve --config /etc/countersign --tls-cert tls.crt --tls-key tls.key --client-ca gatekeeper-ca.crt\n  countersign serve --kube --settings settings.yaml --client-ca gatekeeper-ca.crt',
    )
    .action(async (options) => exit(await (await import('./serve.ts')).serveCommand(options)));
}

function addDemo(program: Command, exit: Exit): void {
  command(program, 'demo', 'Shows the main job on this machine: signed images, a registry, Gatekeeper asking over mutual TLS.')
    .option('--keep', 'leave it running, and say how to ask it')
    .addHelpText('after', '\nExit code 0 when every answer was the expected one.\n\nExample:\n  countersign demo --keep')
    .action(async (options) => exit(await (await import('./demo.ts')).demoCommand(options)));
}

function command(program: Command, name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .helpOption('-h, --help', 'show help')
    .showHelpAfterError(`(countersign ${name} --help shows its options)`)
    .exitOverride();
}

function inspecting(inspected: Command): Command {
  return inspected
    .argument('<image>', 'image reference, by tag or digest')
    .option(
      '--config <path>',
      'YAML file, or folder of them, whose Stores are read; without it the registry itself, with the credentials of docker',
    )
    .option('--namespace <name>', 'the namespace whose Stores are read')
    .addOption(output())
    .option('--plain-http', 'speak plain HTTP to every registry')
    .option('--settings <file>', SETTINGS)
    .addOption(new Option('--timeout <seconds>', 'give up after this long').argParser(seconds).default(30));
}

function output(): Option {
  return new Option('-o, --output <format>', 'text for people, json for machines').choices(['text', 'json']).default('text');
}

function images(image: string, earlier: string[] | undefined): string[] {
  if ((earlier?.length ?? 0) >= MAX_IMAGES) throw new InvalidArgumentError(`expected at most ${MAX_IMAGES} images`);
  return [...(earlier ?? []), image];
}

function seconds(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 3600)) throw new InvalidArgumentError('expected a number of seconds from above 0 to 3600');
  return value;
}

function time(text: string): Date {
  const instant = parseInstant(text);
  if (instant === undefined) throw new InvalidArgumentError('expected an RFC 3339 time such as 2026-01-31T12:00:00Z');
  return dateOf(instant);
}
