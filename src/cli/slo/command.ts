import { type Command, Option } from 'commander';
import { EXIT_HELP, type ExitCode } from '#cli/exit.ts';
import type { World } from '#cli/world.ts';

const output = () => new Option('-o, --output <format>', 'how to print').choices(['yaml', 'json']).default('yaml');

/** Every -f adds a file. */
export const files = () =>
  new Option('-f, --filename <file>', 'file to read, - for standard input; may be given again')
    .default([], 'none')
    .argParser((file: string, before: string[]) => [...before, file]);

/** `slo import` and `slo export`. */
export function addSlo(program: Command, world: World, finish: (code: ExitCode) => void): void {
  const slo = program
    .command('slo')
    .description('Bring objectives here from OpenSLO, Sloth and Pyrra, and alert rules back.')
    .addHelpText('after', EXAMPLES);
  slo
    .command('import')
    .description('Print objectives of OpenSLO, Sloth or Pyrra as ours, and report what has no place here.')
    .addOption(files())
    .option('--source <name>', 'MetricSource that they shall read [the default of the cluster]')
    .option('--strict', 'print nothing when a field would be lost')
    .addOption(output())
    .addHelpText('after', IMPORT_HELP)
    .action(async (_options, command: Command) => {
      const { importSlos } = await import('./import.ts');
      finish(await importSlos(command.optsWithGlobals(), world));
    });
  slo
    .command('export')
    .description('Print recording and alert rules for Prometheus, with the names that Sloth gives them.')
    .argument('[names...]', 'ServiceLevelObjectives of the cluster; none: all of the namespace')
    .addOption(files())
    .option('-A, --all-namespaces', 'export those of every namespace')
    .option('--strict', 'print nothing when a field would be lost')
    .addOption(output())
    .addHelpText('after', EXPORT_HELP)
    .action(async (names: string[], _options, command: Command) => {
      const { exportSlos } = await import('./export.ts');
      finish(await exportSlos(names, command.optsWithGlobals(), world));
    });
}

const EXAMPLES = `
Examples:
  kubectl headgate slo import -f sloth.yaml | kubectl apply -n shop -f -
  kubectl get servicelevelobjectives.pyrra.dev -A -o yaml | kubectl headgate slo import -f - > objectives.yaml
  kubectl headgate slo export -n shop > rules.yaml && promtool check rules rules.yaml`;

const IMPORT_HELP = `
Objectives go to standard output, the report of what was lost to standard error. Either all objectives are printed or
none. With -o json both are JSON.

Examples:
  kubectl headgate slo import -f slos.yaml -f slis.yaml -n shop
  kubectl headgate slo import -f sloth.yaml --strict -o json
${EXIT_HELP}`;

const EXPORT_HELP = `
Examples:
  kubectl headgate slo export checkout-availability -n shop
  kubectl headgate slo export -f objectives.yaml > rules.yaml
${EXIT_HELP}`;
