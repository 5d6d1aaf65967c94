// Redis' answers (RESP2) to GET and SET, from a stream of bytes that may be cut anywhere. One request is outstanding
// on a connection, so there is at most one answer to wait for.
const CR = 13;
const DOLLAR = 36;
const MINUS = 45;

export type Reply = 'incomplete' | 'ok' | 'error';

export class ReplyReader {
  private buffered: Buffer = Buffer.alloc(0);

  /** What has come together with these bytes. */
  push(bytes: Buffer): Reply {
    this.buffered = this.buffered.length === 0 ? bytes : Buffer.concat([this.buffered, bytes]);
    const reply = classify(this.buffered);
    if (reply !== 'incomplete') this.buffered = Buffer.alloc(0);
    return reply;
  }
}

function classify(bytes: Buffer): Reply {
  const lineEnd = bytes.indexOf(CR);
  if (lineEnd < 0 || bytes.length < lineEnd + 2) return 'incomplete';
  if (bytes[0] === MINUS) return 'error';
  if (bytes[0] !== DOLLAR) return 'ok';
  const length = Number(bytes.toString('latin1', 1, lineEnd));
  // A value that is not there has length -1 and no second line.
  return length < 0 || bytes.length >= lineEnd + 2 + length + 2 ? 'ok' : 'incomplete';
}
