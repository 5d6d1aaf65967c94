// The client against servers on the loopback: one that answers, one that does not, one that hangs up.
import type { AddressInfo, Server } from 'node:net';
import { createServer } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { createStandIn } from '../stand-in-server/server.ts';
import type { LoadEvent, LoadSpec, PhaseReport } from './protocol.ts';
import { startLoad } from './run.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function listening(server: Server): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

function specOf(port: number, rest: Partial<LoadSpec> = {}): LoadSpec {
  return {
    host: '127.0.0.1',
    port,
    connections: 3,
    request: 'get',
    intervalMillis: 0,
    timeoutMillis: 10_000,
    phase: 'first',
    ...rest,
  };
}

/** Hands each event to `react`, which may give commands; the final report. */
async function run(
  spec: LoadSpec,
  react: (event: LoadEvent, command: (line: string) => void) => void = () => {},
): Promise<readonly PhaseReport[]> {
  let phases: readonly PhaseReport[] = [];
  const started = startLoad(spec, (event) => {
    if (event.event === 'report') phases = event.phases;
    else void started.then(({ command }) => react(event, command));
  });
  await (await started).ended;
  return phases;
}

describe('against a server that answers', () => {
  test.each(['get', 'set'] as const)(
    '%s: every request is answered, and it ends at the number',
    async (request) => {
      const port = await listening(createStandIn());
      const [report] = await run(specOf(port, { request, requests: 300 }));
      expect(report).toMatchObject({ phase: 'first', completed: 300, failed: 0 });
      expect(report!.p50Micros).toBeGreaterThan(0);
      expect(report!.maxMicros).toBeGreaterThanOrEqual(report!.p999Micros);
    },
  );

  test('goes from phase to phase and stops when it is told to', async () => {
    const port = await listening(createStandIn());
    let told = 0;
    const phases = await run(specOf(port, { intervalMillis: 1 }), (event, command) => {
      if (event.event === 'progress' && event.completed > 0) command(told++ === 0 ? 'phase second' : 'stop');
    });
    expect(phases.map(({ phase, failed }) => [phase, failed])).toEqual([
      ['first', 0],
      ['second', 0],
    ]);
    for (const { completed } of phases) expect(completed).toBeGreaterThan(0);
  });
});

test('a request without an answer in time has failed, and the next one is sent on a new connection', async () => {
  let connections = 0;
  const port = await listening(
    createServer((socket) => {
      connections++;
      socket.on('error', () => {});
    }),
  );
  const [report] = await run(specOf(port, { timeoutMillis: 20 }), (event, command) => {
    if (event.event === 'progress' && event.failed >= 6) command('stop');
  });
  expect(report!.completed).toBe(0);
  expect(report!.failed).toBeGreaterThanOrEqual(6);
  expect(connections).toBeGreaterThanOrEqual(6);
  expect(report!.longestGapMicros).toBeGreaterThan(0);
});

test('a request whose connection is cut has failed', async () => {
  let hangUps = 5;
  const standIn = createStandIn();
  const port = await listening(
    createServer((socket) => {
      if (hangUps > 0)
        socket.once('data', () => {
          hangUps--;
          socket.destroy();
        });
      else standIn.emit('connection', socket);
    }),
  );
  const [report] = await run(specOf(port, { connections: 1, requests: 10 }));
  expect(report).toMatchObject({ completed: 10, failed: 5 });
});

test('an answer that is an error has failed', async () => {
  const port = await listening(
    createServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', () => socket.write('-ERR no\r\n'));
    }),
  );
  const [report] = await run(specOf(port), (event, command) => {
    if (event.event === 'progress' && event.failed > 0) command('stop');
  });
  expect(report!.completed).toBe(0);
});

test('a server that cannot be reached is an error', async () => {
  const server = createStandIn();
  const port = await listening(server);
  await new Promise((resolve) => server.close(resolve));
  servers.pop();
  await expect(startLoad(specOf(port), () => {})).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});
