// Why bytes are not the packet they should be. A closed set, so that every reject can be counted by name; on the
// packet path a reject is a value and never an exception.

export type WireReject =
  /** Fewer bytes than the header needs. */
  | 'too-short'
  /** A version field that this implementation does not speak. */
  | 'bad-version'
  /** A length field that contradicts the bytes at hand or the format's own minimum. */
  | 'bad-length'
  /** A type, code or protocol field outside of what the format defines, or of what is asked for. */
  | 'bad-type'
  /** A checksum that does not match. */
  | 'bad-checksum'
  /** An address, identifier or flag that the format forbids here. */
  | 'bad-field';

export function isReject(result: unknown): result is WireReject {
  return typeof result === 'string';
}
