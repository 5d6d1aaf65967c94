// An agent that loses packets and refuses writes on purpose: tenants notice nothing, its peer sends again.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { statusOf } from './agent-program.ts';
import { needRights } from './rights.ts';
import { Transfer } from './transfer.ts';
import { upTwoHosts } from './two-hosts.ts';

needRights();

it('--fault loses packets behind the socket and refuses writes, and every byte arrives all the same', async () => {
  const lab = await upTwoHosts();
  try {
    await lab.startAgents(['host1']);
    await lab.startAgents(['host2'], { args: ['--fault', 'loss=2-5%,refuse=10%,seed=3'] });
    const transfer = await Transfer.start(lab, 'tenant1', 'tenant2');
    for (let i = 0; i < 5; i++) await transfer.progress();
    const { sent, received } = await transfer.stop();
    expect(received).toBe(sent);
    const { counters } = await statusOf(lab, 'host1');
    expect(counters['retransmissions']).toBeGreaterThan(0);
    expect(readFileSync(join(lab.runFolder, 'host2.log'), 'utf8')).toContain(
      'does harm to packets on purpose',
    );
  } finally {
    await lab.down();
  }
});
