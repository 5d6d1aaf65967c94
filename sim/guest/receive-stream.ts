// The receiving half of a guest's TCP connection: the stream up to the first gap, and what lies beyond it.

export class ReceiveStream {
  /** Everything below has been received. */
  next = 0;
  /** Ranges beyond `next`, in order and apart from each other: start, end, start, end… */
  private readonly beyond: number[] = [];

  get hasGap(): boolean {
    return this.beyond.length > 0;
  }

  /** Takes the bytes from `offset` on; how many the stream grew by. */
  take(offset: number, length: number): number {
    const before = this.next;
    const end = offset + length;
    if (offset > this.next) {
      this.keep(offset, end);
      return 0;
    }
    this.next = Math.max(this.next, end);
    while (this.beyond.length > 0 && this.beyond[0]! <= this.next) {
      this.next = Math.max(this.next, this.beyond[1]!);
      this.beyond.splice(0, 2);
    }
    return this.next - before;
  }

  private keep(start: number, end: number): void {
    const { beyond } = this;
    let first = 0;
    while (first < beyond.length && beyond[first + 1]! < start) first += 2;
    let last = first;
    let from = start;
    let to = end;
    for (; last < beyond.length && beyond[last]! <= end; last += 2) {
      from = Math.min(from, beyond[last]!);
      to = Math.max(to, beyond[last + 1]!);
    }
    beyond.splice(first, last - first, from, to);
  }
}
