// Runs the system's network tools (ip, tc, bridge, nft, ethtool), in a network namespace where asked, and turns
// their failures into errors that say what was tried, what the tool answered and what to do.
// Bounded in time; the input of a batch goes through standard input, so nothing is quoted for a shell.
import { spawn } from 'node:child_process';
import type { ErrorCode } from '../base/errors.ts';
import { SelvageError } from '../base/errors.ts';
import { netnsPath } from './netns.ts';

export interface Tool {
  readonly path: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface ToolOptions {
  /** A namespace by name (as `ip netns` keeps them) or by path; else the caller's own. */
  readonly netns?: string | undefined;
  readonly input?: string;
  readonly timeoutMillis?: number;
}

const DEFAULT_TIMEOUT_MILLIS = 20_000;

/** What the tool wrote to its output. Throws a SelvageError if it cannot be run, fails or does not end in time. */
export async function runTool(
  tool: Tool,
  args: readonly string[],
  options: ToolOptions = {},
): Promise<string> {
  const { netns, input } = options;
  const command = netns === undefined ? [tool.path] : ['nsenter', `--net=${netnsPath(netns)}`, tool.path];
  const child = spawn(command[0]!, [...command.slice(1), ...args], {
    env: { ...process.env, LC_ALL: 'C', ...tool.env },
    timeout: options.timeoutMillis ?? DEFAULT_TIMEOUT_MILLIS,
    killSignal: 'SIGKILL',
  });
  let output = '';
  let complaint = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint += text;
  });
  // A tool that stops at a wrong line closes its input early; its exit code tells.
  child.stdin.on('error', () => {});
  child.stdin.end(input ?? '');
  const status = await new Promise<number | string>((resolve, reject) => {
    child.on('error', (cause) => reject(notStarted(command[0]!, cause)));
    child.on('close', (code, signal) => resolve(code ?? signal ?? 'unknown'));
  });
  if (status === 0) return output;
  if (status === 'SIGKILL') complaint += 'it did not end in time';
  throw toolFailure(tool, args, input, complaint);
}

/** Runs the lines as one batch of `ip`, `tc` or `bridge`; the error names the line that failed. */
export async function runBatch(
  tool: Tool,
  lines: readonly string[],
  options: ToolOptions = {},
): Promise<void> {
  if (lines.length === 0) return;
  await runTool(tool, ['-batch', '-'], { ...options, input: `${lines.join('\n')}\n` });
}

/** Answers of the tools that have a meaning for people, first match wins. */
const MEANINGS: readonly { readonly answer: RegExp; readonly code: ErrorCode; readonly hint: string }[] = [
  {
    answer: /Operation not permitted|Permission denied|must be root/,
    code: 'no-privilege',
    hint: 'Run as root or with CAP_NET_ADMIN and CAP_SYS_ADMIN.',
  },
  {
    answer: /File exists|Address already in use|Device or resource busy/,
    code: 'in-use',
    hint: 'Something of that name or address exists already: remove it or choose another.',
  },
  {
    answer:
      /Unknown device type|qdisc kind is unknown|Operation not supported|Failed to load TC|not supported/,
    code: 'unsupported',
    hint: 'This kernel lacks the feature: load its module or use a kernel built with it.',
  },
  {
    answer: /Cannot open network namespace|nsenter: cannot open/,
    code: 'not-running',
    hint: 'The namespace is gone: bring it up again.',
  },
];

function toolFailure(
  tool: Tool,
  args: readonly string[],
  input: string | undefined,
  complaint: string,
): SelvageError {
  const name = tool.path.split('/').pop()!;
  const failedLine = /^Command failed .*:(\d+)\s*$/m.exec(complaint)?.[1];
  const attempted = failedLine === undefined ? args.join(' ') : input!.split('\n')[Number(failedLine) - 1]!;
  const answer =
    complaint
      .split('\n')
      .map((line) => line.replace(/^(RTNETLINK answers|Error):\s*/, '').trim())
      .find((line) => line !== '' && !line.startsWith('Command failed')) ?? 'it gave no reason';
  const meaning = MEANINGS.find((candidate) => candidate.answer.test(complaint));
  return new SelvageError(
    meaning?.code ?? 'failed',
    `${name} ${attempted} failed: ${answer.replace(/\.?$/, '.')}`,
    {
      ...(meaning && { hint: meaning.hint }),
      cause: complaint,
    },
  );
}

function notStarted(program: string, cause: unknown): SelvageError {
  return new SelvageError('no-program', `Could not run ${program}: ${(cause as Error).message}.`, {
    hint: `Install it, or give its full path.`,
    cause,
  });
}
