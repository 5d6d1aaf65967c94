// What several threads say together.
import { expect, it } from 'vitest';
import { SelvageError } from '../../base/errors.ts';
import { DataThreads } from './data-threads.ts';

/** Threads that say of their connections what `flows` says. */
function threadsOf(...flows: (() => Promise<unknown[]>)[]): DataThreads {
  const threads = flows.map((each) => ({ flows: each }));
  return Object.assign(Object.create(DataThreads.prototype), { threads });
}

it('a switch that says nothing of its connections has none in the status, and is named in a list', async () => {
  const silent = async () => {
    throw new SelvageError('failed', 'The switch that runs says nothing of its flows.');
  };
  const threads = threadsOf(
    async () => ['one', 'two'],
    silent,
    async () => ['three'],
  );
  expect(await threads.knownFlows()).toEqual(['one', 'two', 'three']);
  await expect(threads.flows()).rejects.toThrow('says nothing');
});
