// Wakes who waits for messages: a data thread by its descriptor, all others by their bell. Nothing native, since the
// threads of algorithms load nothing native.

import { writeSync } from 'node:fs';
import type { Wake } from '../../congestion/plane/channel.ts';
import { Bell } from './bell.ts';

const one = new Uint8Array(new BigUint64Array([1n]).buffer);

export function wakeUp(by: Wake): void {
  if ('bell' in by) new Bell(by.bell).ring();
  else writeSync(by.fd, one);
}
