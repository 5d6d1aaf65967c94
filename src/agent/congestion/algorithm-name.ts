// What an algorithm may be called: by its module, by `--name`, or by a program that offers it over the socket.

/** A message has room for so many characters and an end (layout.ts). */
const LONGEST_NAME = 63;

export function isAlgorithmName(name: unknown): name is string {
  return typeof name === 'string' && /^[A-Za-z][\w.-]*$/.test(name) && name.length <= LONGEST_NAME;
}
