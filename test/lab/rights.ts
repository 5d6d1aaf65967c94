// Tests that make network namespaces say so where they may not.
import { beforeEach } from 'vitest';
import { isPrivileged } from '../../lab/tools.ts';

export const hasRights = isPrivileged();

/** Skips every test of the file, with the reason, where this user may not make namespaces. */
export function needRights(): void {
  beforeEach(({ skip }) =>
    skip(!hasRights, 'needs root (CAP_NET_ADMIN and CAP_SYS_ADMIN) to make network namespaces'),
  );
}
