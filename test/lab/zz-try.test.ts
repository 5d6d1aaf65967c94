import { it } from 'vitest';
import { Lab } from '../../lab/lab.ts';
import { pause } from '../../lab/process.ts';
import { topologyOf } from '../../lab/topology.ts';
import { SELVAGE } from './agent-program.ts';
import { FabricView } from './fabric-view.ts';
import { RerouteHost, runtimeDir } from './reroute-host.ts';
import { Transfer } from './transfer.ts';

it('x', async () => {
  const racks = [
    { name: 'rack1', leaf: 'leaf1', hosts: ['host1'] },
    { name: 'rack2', leaf: 'leaf2', hosts: ['host2', 'host3'] },
  ];
  const lab = await Lab.up({
    topology: topologyOf({ racks, spines: ['spine1', 'spine2', 'spine3', 'spine4'] }),
  });
  try {
    await lab.attachKernelVxlan();
    const r = async (n: string, c: string) =>
      console.log(n, c, (await lab.run(n, ['sh', '-c', c + ' 2>&1'], { anyStatus: true })).stdout);
    const one = await RerouteHost.start(lab, 'host1', 'vxlan');
    const two = await RerouteHost.start(lab, 'host2', 'vxlan');
    const s = (w: string, h = 'host1') =>
      r(h, `${SELVAGE.join(' ')} ${w} --runtime-dir ${runtimeDir(lab, h)}`);
    const t3 = await Transfer.start(lab, 'tenant1', 'tenant3', lab.tenant('tenant3').kernel.address);
    await one.says(/10\.0\.2\.1: agreed with it/);
    await one.says(/10\.0\.2\.2: leaves it in peace/);
    await t3.progress(1000000);
    await t3.stop();
    const fabric = new FabricView(lab, 8472);
    for (let i = 0; i < 8; i++) {
      const t = await Transfer.start(lab, 'tenant1', 'tenant2', lab.tenant('tenant2').kernel.address);
      const spine = await fabric.busiestSpine('leaf1', () => t.progress(2000000));
      const back = await fabric.busiestSpine('leaf2', () => t.progress(2000000));
      await fabric.swallow(spine);
      const t0 = performance.now();
      const done = await Promise.race([t.progress(2000000).then(() => true), pause(9000).then(() => false)]);
      console.log(i, spine, 'back', back, done, Math.round(performance.now() - t0));
      if (!done) {
        await s('reroute --status');
        await s('reroute --status', 'host2');
        await s('paths 10.0.2.1');
        await s('paths 10.0.1.1', 'host2');
        await s('why');
        await s('why', 'host2');
        await r('tenant1', 'ss -tni');
        await Promise.all(
          [
            ['host1', 'leaf1'],
            ['host2', 'leaf2'],
          ].map(([h, d]) =>
            lab
              .run(h!, ['tcpdump', '-ni', d!, '-c', '10', 'udp[8]==8'], {
                anyStatus: true,
                timeoutMillis: 15000,
              })
              .then(({ stdout }) => console.log(h, stdout)),
          ),
        );
        break;
      }
      await fabric.heal(spine);
      await t.stop();
    }
  } finally {
    await lab.down();
  }
}, 120000);
