// nginx in a tenant's machine, serving one small page from a folder of the lab.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab } from '../../lab/lab.ts';
import { type Server, startServer } from './server.ts';

export const HTTP_PORT = 80;
export const PAGE_BYTES = 612;

export function startNginx(lab: Lab, node: string): Promise<Server> {
  const folder = join(lab.runFolder, 'nginx');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'index.html'), 'x'.repeat(PAGE_BYTES));
  const file = join(folder, 'nginx.conf');
  writeFileSync(file, configuration(folder));
  return startServer(lab, node, ['nginx', '-p', folder, '-c', file, '-e', 'stderr'], HTTP_PORT);
}

/** Its own folders for everything: there may be no other nginx installed, or one that runs. */
function configuration(folder: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `  ${kind}_temp_path ${join(folder, kind)};`,
  );
  return `daemon off;
user root;
worker_processes 2;
pid ${join(folder, 'pid')};
events { worker_connections 1024; }
http {
  access_log off;
${temporary.join('\n')}
  server {
    listen ${HTTP_PORT} backlog=4096;
    root ${folder};
  }
}
`;
}
