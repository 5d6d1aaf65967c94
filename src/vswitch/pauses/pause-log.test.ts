import { expect, it } from 'vitest';
import { FLOW_WORDS } from '../../packet/device.ts';
import { PauseLog } from './pause-log.ts';

const keyOf = (number: number) => new Uint32Array(FLOW_WORDS).fill(number);
const FREE = Number.POSITIVE_INFINITY;

it('has one entry for all frames about a flow, until it is over, and then another', () => {
  const log = new PauseLog();
  log.held(10, 'obeys', 3, 7, keyOf(1), 2000, 5e6);
  log.held(20, 'obeys', 3, 7, keyOf(1), 1000, 6e6);
  log.held(25, 'asks', 3, 8, keyOf(2), 500, FREE);
  log.over(30, 'obeys', 3);
  log.over(35, 'obeys', 3);
  log.over(35, 'local', 3);
  log.held(40, 'obeys', 3, 7, keyOf(3), 100, 1e6);
  const again = new PauseLog(log.save());
  expect(again.all()).toEqual(log.all());
  again.over(50, 'asks', 3);
  expect(again.all().map(({ key, ...entry }) => ({ key: key[0], ...entry }))).toEqual([
    {
      key: 1,
      role: 'obeys',
      link: 7,
      sinceMicros: 10,
      untilMicros: 30,
      frames: 2,
      pauseMicros: 1000,
      rateBytesPerSecond: 6e6,
    },
    {
      key: 2,
      role: 'asks',
      link: 8,
      sinceMicros: 25,
      untilMicros: 50,
      frames: 1,
      pauseMicros: 500,
      rateBytesPerSecond: FREE,
    },
    {
      key: 3,
      role: 'obeys',
      link: 7,
      sinceMicros: 40,
      untilMicros: undefined,
      frames: 1,
      pauseMicros: 100,
      rateBytesPerSecond: 1e6,
    },
  ]);
});

it('forgets the oldest when it is full, also what is not over', () => {
  const log = new PauseLog();
  for (let flow = 0; flow < 300; flow++) log.held(flow, 'obeys', flow, 0, keyOf(flow), 1, 1);
  for (let flow = 0; flow < 300; flow++) log.over(1000 + flow, 'obeys', flow);
  const all = log.all();
  expect(all.map(({ key }) => key[0])).toEqual(Array.from({ length: 256 }, (_, i) => 44 + i));
  expect(all.every(({ sinceMicros, untilMicros }) => untilMicros === 1000 + sinceMicros)).toBe(true);
  expect(log.save().open).toEqual([]);
});
