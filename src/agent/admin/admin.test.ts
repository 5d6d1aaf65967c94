// The agent's socket: whatever a request asks for is answered.
import { mkdtempSync, rmSync } from 'node:fs';
import { request, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { socketPath } from '../reports/status.ts';
import { type AdminHandlers, serveAdmin } from './admin.ts';

let folder: string;
let server: Server;
const asked: string[] = [];
const handlers: Partial<AdminHandlers> = {
  isReady: () => true,
  flows: async (query) => {
    asked.push(...[...query].map(([name, value]) => `${name}=${value}`));
    return [];
  },
};

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'selvage-admin-'));
  server = await serveAdmin(folder, handlers as AdminHandlers);
});
afterEach(() => {
  server.close();
  rmSync(folder, { recursive: true });
});

function get(path: string): Promise<{ status: number | undefined; body: string }> {
  return new Promise((resolve, reject) => {
    request({ socketPath: socketPath(folder), path, agent: false }, async (response) =>
      resolve({ status: response.statusCode, body: await text(response) }),
    )
      .on('error', reject)
      .end();
  });
}

test.each(['//', '//x:y:z', 'http://', '/%', '/?', '/x?%', '/constructor'])(
  'GET %s is told what there is',
  async (path) => {
    const { status, body } = await get(path);
    expect(status).toBe(404);
    expect(body).toContain('GET /ready, /status');
  },
);

test('filters are behind the question mark', async () => {
  expect(await get('/flows?vni=7&to=fd00%3A%3A1&from=a?b')).toEqual({ status: 200, body: '[]\n' });
  expect(asked).toEqual(['vni=7', 'to=fd00::1', 'from=a?b']);
});
