// Groups of users by name and number, wherever the system keeps them (getgrnam(3)).

import koffi from 'koffi';

const libc = koffi.load('libc.so.6');
const group = koffi.struct('group', {
  name: 'char *',
  password: 'char *',
  gid: 'uint32_t',
  members: 'void *',
});
const byName = libc.func('getgrnam', koffi.pointer(group), ['str']);
const byGid = libc.func('getgrgid', koffi.pointer(group), ['uint32_t']);

/** The group's number; undefined when there is no such group. */
export function gidOf(name: string): number | undefined {
  const found = byName(name);
  return found === null ? undefined : koffi.decode(found, group).gid;
}

/** The group's name, or its number where it has none. */
export function groupName(gid: number): string {
  const found = byGid(gid);
  return found === null ? String(gid) : koffi.decode(found, group).name;
}
