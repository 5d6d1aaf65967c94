// Brings a lab up as an ordinary user, in a user namespace, and says how far it got.
import { Lab } from '../../lab/lab.ts';
import { reenterUnprivileged } from '../../lab/user-namespace.ts';

const status = await reenterUnprivileged(['ping']);
if (status !== undefined) process.exit(status);
const lab = await Lab.up();
await lab.attachKernelVxlan();
await lab.setLink('host1-leaf1', { delayMicros: 1000, lossPpm: 1 });
await lab.run('tenant1', ['ping', '-c', '1', '-W', '5', lab.tenant('tenant3').kernel.address]);
await lab.down();
console.log('done');
