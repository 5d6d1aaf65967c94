// What a machine must have for Linux TCP to be steered, asked before anything is tried, so that whoever lacks it is told
// what, in a sentence.

import { existsSync } from 'node:fs';
import { release } from 'node:os';
import { SelvageError } from '../base/errors.ts';
import { libbpf } from '../linux/bpf/libbpf.ts';

const OLDEST_KERNEL = [6, 10] as const;
const BTF = '/sys/kernel/btf/vmlinux';

export function requireSupport(name: string): void {
  if (!/^[\w.]{1,15}$/.test(name)) {
    const hint = 'Use up to 15 letters, digits, “_” and “.”.';
    throw new SelvageError('bad-input', `“${name}” cannot be the name of a congestion control.`, { hint });
  }
  if (process.geteuid?.() !== 0) {
    const hint = 'Run it as root.';
    throw new SelvageError('no-privilege', 'Steering Linux TCP takes the right to load BPF programs.', {
      hint,
    });
  }
  if (isOlder(release())) {
    const hint = `It needs ${OLDEST_KERNEL.join('.')} or later.`;
    throw new SelvageError('unsupported', `Linux ${release()} is too old for steering TCP.`, { hint });
  }
  if (!existsSync(BTF)) {
    const hint = 'Use a kernel built with CONFIG_DEBUG_INFO_BTF, as those of distributions are.';
    throw new SelvageError('unsupported', 'This kernel does not describe its types (BTF).', { hint });
  }
  libbpf();
}

/** `6.1.0-13-amd64` and its like. */
export function isOlder(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  return major < OLDEST_KERNEL[0] || (major === OLDEST_KERNEL[0] && minor < OLDEST_KERNEL[1]);
}
