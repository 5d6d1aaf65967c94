// A session has the version that both sides speak, whatever the agent's newest is.
import { expect, test, vi } from 'vitest';
import { MemoryResources } from './memory-resources.ts';
import { ClientService } from './service.ts';

vi.mock('../../runtime/shm/messages.ts', async (original) => ({
  ...(await original<object>()),
  NEWEST_VERSION: 9,
  commonVersion: () => 5,
}));

test('the welcome names the common version', () => {
  const resources = new MemoryResources();
  const access = { gid: undefined, group: undefined, uid: 0, sessionsPerUser: 1 };
  const service = new ClientService({ access, resources });
  const client = resources.connect({ pid: 1, uid: 0, gid: 0, groups: [] });
  const shape = { blocks: false, flows: 1, recordWords: 1, records: 2 };
  client.said.push(JSON.stringify({ type: 'hello', versions: [3, 5], service: 'echo', ...shape }));
  for (let i = 0; i < 2; i++) service.attend(0);
  expect(JSON.parse(client.heard[0]!)).toMatchObject({ type: 'welcome', version: 5 });
});
