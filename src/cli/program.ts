import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import type { Verb } from '#core/model.ts';
import { OperatorError } from '#lib/errors.ts';
import { VERSION } from '#src/version.ts';
import { CliError, EXIT_HELP, type ExitCode, exit } from './exit.ts';
import { addSlo, files } from './slo/command.ts';
import type { World } from './world.ts';

/** Runs one command line and says how it went. Errors become one line: what is wrong, and what to do. */
export async function run(words: readonly string[], world: World): Promise<ExitCode> {
  let code: ExitCode = exit.ok;
  const program = createProgram(world, (result) => {
    code = result;
  });
  try {
    await program.parseAsync(words, { from: 'user' });
    return code;
  } catch (error) {
    // Commander has said its piece already; help and version are no failure.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exit.ok : exit.usage;
    if (world.signal.aborted) return exit.failed;
    if (error instanceof CliError) return fail(world, error.message, error.exitCode);
    if (error instanceof OperatorError) return fail(world, error.message + hintFor(error), exit.failed);
    throw error;
  }
}

function fail(world: World, message: string, code: ExitCode): ExitCode {
  world.err(`error: ${message}\n`);
  return code;
}

/** What a person can do about an answer of the API server. */
function hintFor({ code, message }: OperatorError): string {
  if (code === 'KUBE_FORBIDDEN')
    return '\nAsk whoever grants rights in this cluster for the verb and resource named above.';
  if (code === 'KUBE_UNAUTHORIZED') return '\nLog in to the cluster again: kubectl auth whoami must work first.';
  if (code === 'KUBE_NOT_FOUND' && /rollouts|releases|rolloutactions/.test(message)) {
    return '\nIs Headgate installed here? kubectl get crd rollouts.headgate.dev';
  }
  return '';
}

type Finish = (code: ExitCode) => void;

function createProgram(world: World, finish: Finish): Command {
  const program = new Command('kubectl headgate')
    .description('Watch and steer canary releases.')
    .version(VERSION, '-V, --version', 'print the version')
    .exitOverride()
    .showHelpAfterError('(add --help for examples)')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => world.out.write(text),
      writeErr: world.err,
      getOutHasColors: () => world.out.colour,
    })
    .option('-n, --namespace <name>', 'namespace to look in [that of the context]')
    .option('--context <name>', 'context of the kubeconfig to use')
    .option('--kubeconfig <file>', 'kubeconfig file to use')
    .addHelpText(
      'after',
      `
Examples:
  kubectl headgate get -w              watch every release of the namespace
  kubectl headgate get checkout        one release: ladder, gates, timeline
  kubectl headgate promote checkout    leave this step now
  kubectl headgate dashboard           the same, live, in a browser
${EXIT_HELP}`,
    );
  addGet(program, world, finish);
  addStatus(program, world, finish);
  for (const action of actions) addAction(program, action, world, finish);
  addHistory(program, world, finish);
  addPlan(program, world, finish);
  addDashboard(program, world, finish);
  addSlo(program, world, finish);
  addUninstall(program, world, finish);
  program
    .command('version')
    .description('Print the version.')
    .action(() => world.out.write(`kubectl-headgate ${VERSION}\n`));
  return program;
}

const output = () =>
  new Option('-o, --output <format>', 'how to print').choices(['table', 'wide', 'json', 'yaml']).default('table');

function addGet(program: Command, world: World, finish: Finish): void {
  program
    .command('get')
    .description('List rollouts, or show one with its ladder, gates and timeline.')
    .argument('[name]', 'a Rollout')
    .option('-A, --all-namespaces', 'look in every namespace')
    .option('-w, --watch', 'stay and show every change')
    .addOption(output())
    .addHelpText(
      'after',
      `
Examples:
  kubectl headgate get -A
  kubectl headgate get checkout -n shop -w
  kubectl headgate get checkout -o json`,
    )
    .action(async (name: string | undefined, _options, command: Command) => {
      const { get } = await import('./get.ts');
      finish(await get(name, command.optsWithGlobals(), world));
    });
}

function addStatus(program: Command, world: World, finish: Finish): void {
  program
    .command('status')
    .description('Say in one sentence why a rollout moves, waits or went back. Exits 3 unless it is at rest.')
    .argument('<name>', 'a Rollout')
    .option('--wait', 'stay until it rests or needs a person')
    .option('--timeout <seconds>', 'give up waiting after this long', seconds, 3600)
    .addHelpText(
      'after',
      `\nExample, in a pipeline:\n  kubectl headgate status checkout --wait --timeout 1800\n${EXIT_HELP}`,
    )
    .action(async (name: string, _options, command: Command) => {
      const { status } = await import('./status.ts');
      finish(await status(name, command.optsWithGlobals(), world));
    });
}

interface Action {
  verb: Verb;
  description: string;
}

const actions: readonly Action[] = [
  { verb: 'promote', description: 'Leave this step without waiting for its gates to pass. Stop gates stay on.' },
  { verb: 'skip-step', description: 'Leave this step without waiting for its hold or its gates. Stop gates stay on.' },
  { verb: 'approve', description: 'Say yes to what runs now, where a step or the promotion asks for it.' },
  { verb: 'pause', description: 'Stop here and keep the weight.' },
  { verb: 'resume', description: 'Go on after a pause.' },
  { verb: 'retreat', description: 'Take all traffic back to stable, keep one canary pod to look at.' },
  { verb: 'abort', description: 'Take all traffic back to stable, scale the canary down.' },
  { verb: 'retry', description: 'Try the same revision again from the first step.' },
  {
    verb: 'expedite',
    description: 'Say that it mends what fails now: it need only be no worse than stable, whatever the budget.',
  },
  {
    verb: 'undo',
    description: 'Go back to the revision that served before, and stay there until the template changes.',
  },
];

const UNDO_HELP = `
While a release is under way this is the way back to stable. The Rollout's spec stays as it is: what Git holds is
pinned over, until its template is another one. The template's own revision lets the pin go.

Examples:
  kubectl headgate undo checkout -n shop -m "orders are lost"
  kubectl headgate undo checkout --to-revision 5d8f7c9b64 --wait
${EXIT_HELP}`;

function addAction(program: Command, { verb, description }: Action, world: World, finish: Finish): void {
  const command = program
    .command(verb)
    .description(description)
    .argument('<name>', 'a Rollout')
    .option('-m, --message <reason>', 'why, for the record', '')
    .option('--wait', 'stay until the release rests or needs a person')
    .option('--timeout <seconds>', 'give up waiting after this long', seconds, 3600)
    .action(async (name: string, _options, command: Command) => {
      const { act } = await import('./act.ts');
      finish(await act(verb, name, command.optsWithGlobals(), world));
    });
  if (verb === 'undo') {
    const where = '--to-revision <revision>';
    command
      .option(where, 'one that served, as get and history show it [the one before]')
      .addHelpText('after', UNDO_HELP);
    return;
  }
  command.addHelpText('after', `\nExample:\n  kubectl headgate ${verb} checkout -n shop -m "why"\n${EXIT_HELP}`);
}

function addHistory(program: Command, world: World, finish: Finish): void {
  program
    .command('history')
    .description('List the releases of a rollout: outcome, budget spent, bad requests, duration, reason.')
    .argument('<name>', 'a Rollout')
    .addOption(output())
    .addHelpText('after', '\nExample:\n  kubectl headgate history checkout -n shop')
    .action(async (name: string, _options, command: Command) => {
      const { history } = await import('./history.ts');
      finish(await history(name, command.optsWithGlobals(), world));
    });
}

function addPlan(program: Command, world: World, finish: Finish): void {
  program
    .command('plan')
    .description('Say what each step can see with the traffic there is, and how long it needs.')
    .argument('[name]', 'a Rollout of the cluster; none: the one in the files')
    .addOption(files())
    .requiredOption('--rps <number>', 'requests per second that the Service gets', positive)
    .option('--base <percent>', 'share of them that stable fails', '0.1%')
    .addOption(output())
    .addHelpText(
      'after',
      `
SEES is the smallest excess of errors that the stop test finds within the hold, as often as not. MUST EXCLUDE is the
excess that the gate rules out before the step is left, NEEDS the median time for that.

Examples:
  kubectl headgate plan checkout --rps 120
  kubectl headgate plan -f rollout.yaml -f slo.yaml --rps 5 --base 0.4%`,
    )
    .action(async (name: string | undefined, _options, command: Command) => {
      const { plan } = await import('./plan.ts');
      finish(await plan(name, command.optsWithGlobals(), world));
    });
}

function addDashboard(program: Command, world: World, finish: Finish): void {
  program
    .command('dashboard')
    .description('Serve a live page on loopback, for you alone, with your own rights.')
    .option('-A, --all-namespaces', 'show every namespace')
    .option('--port <port>', 'port on 127.0.0.1, 0 for any', port, 0)
    .addHelpText(
      'after',
      '\nExamples:\n  kubectl headgate dashboard -A\n  kubectl headgate dashboard -n shop --port 8090',
    )
    .action(async (_options, command: Command) => {
      const { dashboard } = await import('./dashboard.ts');
      finish(await dashboard(command.optsWithGlobals(), world));
    });
}

function addUninstall(program: Command, world: World, finish: Finish): void {
  program
    .command('uninstall')
    .description('Delete every Rollout of the cluster, wait until each gave back what it took, then remove the CRDs.')
    .option('--yes', 'do it')
    .option('--dry-run', 'say what would be done, and change nothing')
    .option('--timeout <seconds>', 'give up waiting after this long', seconds, 600)
    .option('--delete-pods', 'delete the pods of Rollouts that have a template of their own')
    .option('--operator-namespace <name>', 'where the operator runs', 'headgate-system')
    .option('--force', 'go on although no operator runs: nothing is given back then')
    .addOption(output())
    .addHelpText(
      'after',
      `
A Rollout gives its traffic back, and its Deployment if it has one, before it goes. It says what it waits for; nothing is
removed while one is there. The operator itself stays: remove it afterwards.

Examples:
  kubectl headgate uninstall --dry-run
  kubectl headgate uninstall --yes --timeout 1800 && kubectl delete -k deploy --ignore-not-found
${EXIT_HELP}`,
    )
    .action(async (_options, command: Command) => {
      const { uninstall } = await import('./uninstall.ts');
      finish(await uninstall(command.optsWithGlobals(), world));
    });
}

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value < 1e9)) throw new InvalidArgumentError('Give a number above 0, such as 120.');
  return value;
}

function seconds(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError('Give whole seconds, such as 600.');
  return Number(text);
}

function port(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) throw new InvalidArgumentError('Give a port from 0 to 65535.');
  return Number(text);
}
