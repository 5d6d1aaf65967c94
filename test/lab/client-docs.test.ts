// The programs in the client's documents run as they stand there, but for the socket's path. Those of endpoints need a
// whole agent: endpoints.test.ts.
import { execFile } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { packageRoot } from '../../lab/package-root.ts';
import { ClientsHost } from './clients-host.ts';

let host: ClientsHost;
beforeAll(async () => {
  host = await ClientsHost.start();
});
afterAll(() => host?.stop());

const examples = ['docs/client.md', 'src/client/README.md'].flatMap((document) => {
  const markdown = readFileSync(join(packageRoot(), document), 'utf8');
  const programs = [...markdown.matchAll(/```[jt]s\n([\s\S]*?)```/g)];
  const ofSessions = programs.filter(([, code]) => !code!.includes('openEndpoint'));
  return ofSessions.map(([, code], i) => ({
    document,
    number: i + 1,
    code,
  }));
});

test('there are some', () => expect(examples.length).toBe(3));

test.each(examples)('$document, example $number', async ({ document, number, code }) => {
  const heading = code!.includes('import ') ? '' : "import { connect } from '@selvage/client';\n";
  const program = `${heading}${code}\nif (!session.ended) session.close();\nconsole.log('to its end');\n`;
  // Beside the sources, where Node finds the package by its name.
  const file = join(packageRoot(), `test/lab/example-${document.length}-${number}.mjs`);
  writeFileSync(file, program.replaceAll('connect({ ', `connect({ socket: ${JSON.stringify(host.socket)}, `));
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [file], { timeout: 30_000 });
    expect({ stdout, stderr }).toEqual({ stdout: 'to its end\n', stderr: '' });
  } finally {
    rmSync(file);
  }
});
