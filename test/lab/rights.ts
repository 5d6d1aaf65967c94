// Tests that make network namespaces or load eBPF say so where they may not.
import { beforeEach } from 'vitest';
import { isPrivileged } from '../../lab/tools.ts';
import { SelvageError } from '../../src/base/errors.ts';
import { requireSupport } from '../../src/linux-tcp/support.ts';

export const hasRights = isPrivileged();

/** Skips every test of the file, with the reason, where this user may not make namespaces. */
export function needRights(): void {
  beforeEach(({ skip }) =>
    skip(!hasRights, 'needs root (CAP_NET_ADMIN and CAP_SYS_ADMIN) to make network namespaces'),
  );
}

/** Why this machine cannot steer Linux's TCP by eBPF, in a sentence; undefined where it can. */
export const whyNoBpf = hasRights ? missing() : 'needs root to load eBPF';

/** Skips every test of the file, with the reason, where no eBPF can be loaded. */
export function needBpf(): void {
  beforeEach(({ skip }) => skip(whyNoBpf !== undefined, whyNoBpf));
}

function missing(): string | undefined {
  try {
    requireSupport('test');
    return undefined;
  } catch (error) {
    const { message, hint = '' } = SelvageError.from(error);
    return `${message} ${hint}`;
  }
}
