// Requests in RESP2, an array of bulk strings each, from a stream of bytes that may be cut anywhere. Strings are bytes.
export class RequestReader {
  private buffered = '';

  /** The requests that are complete with these bytes. */
  push(bytes: Buffer): string[][] {
    this.buffered += bytes.toString('latin1');
    const requests: string[][] = [];
    for (let request = this.take(); request !== undefined; request = this.take()) requests.push(request);
    return requests;
  }

  private take(): string[] | undefined {
    const head = /^\*(\d+)\r\n/.exec(this.buffered);
    if (head === null) return undefined;
    const words: string[] = [];
    let at = head[0].length;
    for (let left = Number(head[1]); left > 0; left--) {
      const lineEnd = this.buffered.indexOf('\r\n', at);
      const start = lineEnd + 2;
      const end = start + Number(this.buffered.slice(at + 1, lineEnd));
      if (lineEnd < 0 || this.buffered.length < end + 2) return undefined;
      words.push(this.buffered.slice(start, end));
      at = end + 2;
    }
    this.buffered = this.buffered.slice(at);
    return words;
  }
}
