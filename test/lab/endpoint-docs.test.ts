// The configuration and the programs that documents show of native endpoints are run as they stand there, but for the
// endpoints' sockets and the group, which this machine need not have.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { AgentConfig } from '../../lab/agents.ts';
import type { Lab } from '../../lab/lab.ts';
import { packageRoot } from '../../lab/package-root.ts';
import { type Endpoint, openEndpointSync } from '../../src/client/endpoint/index.ts';
import { groupName } from '../../src/linux/groups.ts';
import { statusOf } from './agent-program.ts';
import { eventually } from './eventually.ts';
import { needRights } from './rights.ts';
import { upTwoHosts } from './two-hosts.ts';

needRights();

const GROUP = process.getegid!();
const [configuration] = blocksOf('docs/endpoints.md', 'yaml');
const [sender, receiver, ...more] = blocksOf('docs/endpoints.md', 'js');
const [greeter] = blocksOf('src/client/README.md', 'ts').filter((code) => code.includes('openEndpoint'));

let lab: Lab;
beforeAll(async () => {
  lab = await upTwoHosts([]);
  await lab.startAgents(['host1'], { edit: asDocumented });
});
afterAll(() => lab?.down());

function blocksOf(document: string, language: string): string[] {
  const markdown = readFileSync(join(packageRoot(), document), 'utf8');
  return [...markdown.matchAll(new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``, 'g'))].map(
    ([, code]) => code!,
  );
}

function asDocumented(config: AgentConfig): AgentConfig {
  const { vnis } = parse(configuration!) as Pick<AgentConfig, 'vnis'>;
  const vnics = vnis[0]!.vnics.map(({ group, ...vnic }) => ({
    ...vnic,
    ...(group !== undefined && { group: groupName(GROUP) }),
  }));
  return { ...config, vnis: [{ ...vnis[0]!, vnics }] };
}

function socketOf(vnic: string): string {
  return join(lab.runFolder, 'host1', `endpoint-${vnic}.sock`);
}

const running: ChildProcess[] = [];
const files: string[] = [];
afterEach(async () => {
  for (const child of running.splice(0)) {
    const ended = child.exitCode === null && child.signalCode === null && once(child, 'close');
    child.kill('SIGKILL');
    await ended;
  }
  for (const file of files.splice(0)) rmSync(file);
});

/** A process of the program, beside the sources, where Node finds the package by its name. */
function start(code: string, last = ''): ChildProcess {
  const file = join(packageRoot(), `test/lab/endpoint-example-${files.length}.mjs`);
  files.push(file);
  const program = code.replace(
    /openEndpoint\(\{ vnic: '(\w+)'/,
    (call, vnic: string) => `${call}, socket: ${JSON.stringify(socketOf(vnic))}`,
  );
  writeFileSync(file, `${program}\n${last}`);
  const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'pipe'] });
  running.push(child);
  return child;
}

/** The first lines that it prints; with what it complains of where it ends before. */
async function printed(child: ChildProcess, count: number): Promise<string[]> {
  const lines: string[] = [];
  let complaints = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    complaints += text;
  });
  for await (const line of createInterface({ input: child.stdout! })) {
    lines.push(line);
    if (lines.length === count) return lines;
  }
  throw new Error(`it printed ${lines.length} lines and ended: ${complaints}`);
}

async function ownerOf(vnic: string): Promise<number | undefined> {
  const { vnics } = await statusOf(lab, 'host1');
  return vnics.find(({ name }) => name === vnic)?.endpoint?.owner?.pid;
}

test('all of them are known here', () => {
  expect([configuration, sender, receiver, greeter]).not.toContain(undefined);
  expect(more).toEqual([]);
});

test('the configuration makes endpoints, one of them for a group', () => {
  expect(statSync(socketOf('app0')).mode & 0o777).toBe(0o600);
  expect(statSync(socketOf('app1'))).toMatchObject({ gid: GROUP });
  expect(statSync(socketOf('app1')).mode & 0o777).toBe(0o660);
});

test('one program sends datagrams to the other', async () => {
  const receiving = start(receiver!);
  const lines = printed(receiving, 64);
  const owns = async () => (await ownerOf('app1')) === receiving.pid;
  await Promise.race([lines, eventually('the receiver to own its vNIC', owns)]);
  // The first port that is nobody's; this program ends as soon as it has sent.
  start(sender!);
  const expected = Array.from({ length: 64 }, (_, i) => `10.77.0.12:49152 datagram ${i}`);
  expect(await lines).toEqual(expected);
});

test('the package’s own example is answered', async () => {
  const endpoint: Endpoint = openEndpointSync({ vnic: 'app1', socket: socketOf('app1') });
  try {
    const child = start(greeter!, 'console.log(Buffer.from(batch.payload(0)).toString());');
    const answer = printed(child, 1);
    const batch = endpoint.newBatch(1);
    while (endpoint.receive(batch) === 0) await endpoint.wait();
    expect(new TextDecoder().decode(batch.payload(0))).toBe('hello');
    const back = endpoint.openFlow({ to: endpoint.receivedFlow(batch.flows[0]!).from, from: 4000 });
    batch.setPayload(0, new TextEncoder().encode('good day'));
    expect(back.send(batch)).toBe(1);
    expect(await answer).toEqual(['good day']);
  } finally {
    endpoint.close();
  }
});
