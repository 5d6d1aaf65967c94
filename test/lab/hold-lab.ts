// Brings a lab up, starts a program in it, says its name and waits to be ended: an owner for the tests of what happens then.
import { Lab } from '../../lab/lab.ts';

const lab = await Lab.up();
await lab.exec('tenant1', ['/bin/sleep', '1000'], { stdio: 'ignore' });
await lab.setLink('host1-leaf1', { delayMicros: 1000 });
process.stdout.write(`${lab.name}\n`);
