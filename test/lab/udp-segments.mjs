// Sends one buffer as a train of datagrams by UDP_SEGMENT (udp(7)), which the interface's driver cuts, or whoever is behind
// it: `udp-segments.mjs ADDRESS PORT SEGMENT_BYTES BYTES`. The byte at i is i % 251.
import koffi from 'koffi';

const [address, port, segmentBytes, bytes] = process.argv.slice(2);
const libc = koffi.load('libc.so.6');
const socket = libc.func('int socket(int, int, int)');
const setsockopt = libc.func('int setsockopt(int, int, int, const void *, uint32_t)');
const sendto = libc.func('long sendto(int, const void *, size_t, int, const void *, uint32_t)');

const to = Buffer.alloc(16);
to.writeUInt16LE(2, 0);
to.writeUInt16BE(Number(port), 2);
Buffer.from(address.split('.').map(Number)).copy(to, 4);
const size = Buffer.alloc(4);
size.writeUInt32LE(Number(segmentBytes));
const fd = socket(2, 2, 0);
if (setsockopt(fd, 17, 103, size, 4) < 0) throw new Error('no UDP_SEGMENT');
const data = Uint8Array.from({ length: Number(bytes) }, (_, i) => i % 251);
if (sendto(fd, data, data.length, 0, to, to.length) !== data.length) throw new Error('not sent');
