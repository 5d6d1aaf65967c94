// What a datapath measures and a program may read (CCP §4.4.1, table 4.2), in the order of their registers; fabric
// delay, endpoint delay and hops are those of BIFROST appendix D. A signal that a datapath cannot measure reads 0.

export const signalNames = [
  'Ack.bytes_acked',
  'Ack.packets_acked',
  'Ack.bytes_misordered',
  'Ack.packets_misordered',
  'Ack.ecn_bytes',
  'Ack.ecn_packets',
  'Ack.lost_pkts_sample',
  'Ack.now',
  'Flow.was_timeout',
  'Flow.rtt_sample_us',
  'Flow.rate_outgoing',
  'Flow.rate_incoming',
  'Flow.bytes_in_flight',
  'Flow.packets_in_flight',
  'Flow.fabric_delay_us',
  'Flow.endpoint_delay_us',
  'Flow.hops',
  'Ack.is_sample',
] as const;

export type SignalName = (typeof signalNames)[number];

/** Registers by name. */
export const signals = Object.fromEntries(signalNames.map((name, register) => [name, register])) as Record<
  SignalName,
  number
>;

/** What the thesis's listings call by more than one name, and the name we use. */
const aliases: ReadonlyMap<string, string> = new Map([
  ['Micros', 'Timer.Micros'],
  ['Timer.micros', 'Timer.Micros'],
  ['Millis', 'Timer.Millis'],
  ['Timer.millis', 'Timer.Millis'],
  ['Ack.rtt_sample_us', 'Flow.rtt_sample_us'],
]);

export function canonicalName(name: string): string {
  return aliases.get(name) ?? name;
}
