import { spawn } from 'node:child_process';

export interface RunResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string;
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Hands the output through to the terminal as it comes, for builds and installs that take minutes. */
  readonly show?: boolean;
}

/** Runs a command to its end and never throws for a non-zero exit: the caller knows what that means. */
export function run(argv: readonly string[], { input, cwd, env, show = false }: RunOptions = {}): Promise<RunResult> {
  const [command = '', ...args] = argv;
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], cwd, env: env ?? process.env });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => {
    out.push(chunk);
    if (show) process.stderr.write(chunk);
  });
  child.stderr.on('data', (chunk: Buffer) => {
    err.push(chunk);
    if (show) process.stderr.write(chunk);
  });
  // A command that exits without reading its input closes the pipe; its exit code is the news, not EPIPE.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  return new Promise((resolve, reject) => {
    // Only a command that cannot be started at all comes here.
    child.on('error', (cause) => reject(new Error(`cannot run ${command}: is it installed?`, { cause })));
    child.on('close', (code) =>
      resolve({ code: code ?? 128, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() }),
    );
  });
}

/** Runs a command that has to succeed; the error shows the command and the end of what it said. */
export async function must(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await run(argv, options);
  if (code === 0) return stdout;
  throw new Error(`\`${argv.join(' ')}\` ended with code ${code}:\n${(stderr || stdout).trim().slice(-2000)}`);
}
