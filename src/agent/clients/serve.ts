// Puts the engine that serves clients into an executor: on a thread of its own, or beside another engine.
import { SelvageError } from '../../base/errors.ts';
import { applyChanges } from '../../runtime/change.ts';
import type { Executor } from '../../runtime/executor.ts';
import { clientsEngine } from './clients-engine.ts';
import type { ClientsGiven } from './given.ts';
import { KernelResources } from './kernel-resources.ts';
import type { ClientsReport } from './report.ts';
import type { ClientsStart } from './socket.ts';

/** `budget`: work a turn, in records and 4 KB of their blocks. What it returns is closed when the executor has ended. */
export function serveClients(
  executor: Executor,
  { listener, access }: ClientsStart,
  budget: number,
): KernelResources {
  const resources = new KernelResources(listener);
  const given: ClientsGiven = { access, resources };
  applyChanges(executor, [{ type: 'add', engine: 'clients', factory: clientsEngine, given, budget }]);
  return resources;
}

/** Throws SelvageError when an engine in its place has no report. */
export function clientsReport(executor: Executor): ClientsReport {
  const engine = executor.find('clients')?.engine as { report?(): ClientsReport } | undefined;
  const report = engine?.report?.();
  if (report !== undefined) return report;
  throw new SelvageError('unsupported', 'The engine that serves clients says nothing of its work.');
}
