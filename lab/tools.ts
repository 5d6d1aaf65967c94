// The network tools of a lab, found once, and the right to use them.
import { readFileSync } from 'node:fs';
import { SelvageError } from '../src/base/errors.ts';
import { runBatch, runTool } from '../src/linux/ip.ts';
import { requireProgram } from './programs.ts';

export const TOOLS = ['ip', 'tc', 'bridge', 'nft', 'ethtool'] as const;
type ToolName = (typeof TOOLS)[number];

/** Runs one tool in a namespace (or the caller's); its output. */
export async function tool(
  name: ToolName,
  netns: string | undefined,
  args: string[],
  input?: string,
): Promise<string> {
  return runTool(await requireProgram(name), args, { netns, ...(input !== undefined && { input }) });
}

export async function batch(
  name: 'ip' | 'tc' | 'bridge',
  netns: string | undefined,
  lines: string[],
): Promise<void> {
  await runBatch(await requireProgram(name), lines, { netns });
}

const CAP_NET_ADMIN = 12n;
const CAP_SYS_ADMIN = 21n;

export function isPrivileged(): boolean {
  const held = /^CapEff:\s*([0-9a-f]+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  const mask = BigInt(`0x${held ?? '0'}`);
  return [CAP_NET_ADMIN, CAP_SYS_ADMIN].every((capability) => (mask >> capability) & 1n);
}

export function requirePrivilege(): void {
  if (isPrivileged()) return;
  throw new SelvageError('no-privilege', 'A lab makes network namespaces, which this user may not.', {
    hint: 'Run it as root (sudo), or in a container with CAP_NET_ADMIN and CAP_SYS_ADMIN.',
  });
}
