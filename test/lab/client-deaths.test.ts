// A client or the service killed in front of every step of its operations: the other side goes on, and nothing of the
// dead one's is left (mRPC §3.4.2).
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectSync, SelvageError } from '../../src/client/index.ts';
import { ClientsHost } from './clients-host.ts';

const here = import.meta.dirname;
const dieAtStep = join(here, 'die-at-step.mjs');
const dyingClient = join(here, 'dying-client.mjs');
/** Two at once, for each takes a core while it starts. */
const AT_ONCE = 2;

let host: ClientsHost;
beforeAll(async () => {
  host = await ClientsHost.start();
});
afterAll(() => host?.stop());

/** Whether the client got to its end before the step. */
function runClient(step: number): Promise<boolean> {
  const env = { ...process.env, DIE_AT_STEP: String(step), DIE_BEFORE: 'load,store' };
  const child = spawn(process.execPath, ['--import', dieAtStep, dyingClient, host.socket], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env,
  });
  let output = '';
  child.stdout.on('data', (text) => {
    output += text;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (_, signal) => {
      if (signal === 'SIGKILL') resolve(false);
      else if (output === 'done\n') resolve(true);
      else reject(new Error(`the client failed before step ${step}: ${output}`));
    });
  });
}

/** A record there and back, in a session of its own. */
function echoOnce(socket: string): void {
  const session = connectSync({ service: 'echo', socket, recordBytes: 4, records: 2 });
  try {
    session.push(Uint32Array.of(4711), 1);
    session.waitSync(20_000);
    const echoed = new Uint32Array(1);
    expect([session.pop(echoed, 1), echoed[0]]).toEqual([1, 4711]);
  } finally {
    session.close();
  }
}

test('a client that dies at any step leaves nothing', async () => {
  const before = host.held();
  let deaths = 0;
  for (let step = 0, isThrough = false; !isThrough; step += AT_ONCE) {
    const steps = Array.from({ length: AT_ONCE }, (_, i) => step + i);
    const through = await Promise.all(steps.map(runClient));
    deaths += through.filter((isDone) => !isDone).length;
    // Waiting takes as many steps as it takes; a client that got through twice over has died at all that matter.
    isThrough = through.every(Boolean);
    const { sharedBytes, faults } = await host.idle();
    expect({ step, sharedBytes, held: host.held() }).toEqual({ step, sharedBytes: 0, held: before });
    expect(Object.values(faults).every((count) => count === 0)).toBe(true);
  }
  expect(deaths).toBeGreaterThan(30);
  echoOnce(host.socket);
});

test('a service that dies at any step ends its sessions, and they say so', async () => {
  let deaths = 0;
  for (let step = 0; ; step++) {
    const env = { DIE_AT_STEP: String(step), DIE_BEFORE: 'store' };
    const dying = await ClientsHost.start({ node: ['--import', dieAtStep], env });
    try {
      echoOnce(dying.socket);
      const again = connectSync({ service: 'echo', socket: dying.socket, recordBytes: 4, records: 2 });
      for (let i = 0; i < 3; i++) {
        again.push(Uint32Array.of(i), 1);
        while (again.pop(new Uint32Array(2), 2) === 0) again.waitSync();
      }
      again.close();
      break;
    } catch (error) {
      expect(error).toBeInstanceOf(SelvageError);
      // It may be gone before the second session is opened.
      expect(error).toMatchObject({ code: 'not-running', hint: expect.any(String) });
      deaths++;
      await dying.ended;
    } finally {
      dying.child.kill('SIGKILL');
      rmSync(dying.folder, { recursive: true, force: true });
    }
  }
  expect(deaths).toBeGreaterThan(8);
});
