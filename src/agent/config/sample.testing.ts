// A configuration file that is good, and what is said about it when something is changed.
import { expect } from 'vitest';
import { SelvageError } from '../../base/errors.ts';
import { parseConfig } from '../config.ts';

export const good = `host: host1
underlay:
  address: 10.0.1.1
vnis:
  - vni: 77
    vnics:
      - name: sel0
        netns: tenant1
        mac: 02:00:00:00:77:01
        addresses: [192.168.77.1/24, 'fd00:77::1/64']
    remotes:
      - vtep: 10.0.2.1
        vnics:
          - { mac: 02:00:00:00:77:03, addresses: [192.168.77.3] }
`;

export function complaintsAbout(source: string): string[] {
  try {
    parseConfig(source, 'h.yaml');
  } catch (error) {
    expect(error).toBeInstanceOf(SelvageError);
    expect(error).toMatchObject({ code: 'bad-config' });
    return (error as SelvageError).message.split('\n');
  }
  return [];
}

/** The good file with one line replaced; fails when that line is not there. */
export function changed(line: string, replacement: string): string {
  expect(good).toContain(`${line}\n`);
  return good.replace(line, replacement);
}
