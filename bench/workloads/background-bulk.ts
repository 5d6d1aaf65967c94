// A neighbour: another tenant's long flow to the same server, for as long as something else is measured.
import type { TenantAddresses } from '../../lab/addressing.ts';
import type { Lab } from '../../lab/lab.ts';
import { endProcess, processId } from '../../lab/process.ts';
import { IPERF_PORT } from './iperf.ts';

const LONGER_THAN_ANY_RUN_SECONDS = 3600;

/** Runs while `work` does; there is an iperf3 server already. */
export async function besideBulk<T>(
  lab: Lab,
  neighbour: TenantAddresses,
  host: string,
  work: () => Promise<T>,
): Promise<T> {
  const argv = ['iperf3', '-c', host, '-p', String(IPERF_PORT), '-t', String(LONGER_THAN_ANY_RUN_SECONDS)];
  const child = await lab.exec(neighbour.name, argv, { stdio: 'ignore' });
  const bulk = child.pid === undefined ? undefined : processId(child.pid);
  try {
    return await work();
  } finally {
    if (bulk !== undefined) await endProcess(bulk);
  }
}
