// Latencies in a fixed amount of memory: buckets of one microsecond at first, then 256 to each power of two, so that
// a percentile is off by at most 0.4 %. Count, maximum and mean are exact.
const LINEAR_MICROS = 512;
const BUCKETS_PER_OCTAVE = LINEAR_MICROS / 2;
/** Up to 2^31 µs, half an hour. */
const OCTAVES = 22;

export class LatencyHistogram {
  count = 0;
  maxMicros = 0;
  private totalMicros = 0;
  private readonly buckets = new Float64Array(LINEAR_MICROS + OCTAVES * BUCKETS_PER_OCTAVE);

  record(micros: number): void {
    this.count++;
    this.totalMicros += micros;
    if (micros > this.maxMicros) this.maxMicros = micros;
    this.buckets[Math.min(bucketOf(micros), this.buckets.length - 1)]! += 1;
  }

  get meanMicros(): number {
    return this.count === 0 ? 0 : this.totalMicros / this.count;
  }

  /** What `share` (0 to 1) of all values do not exceed; 0 while there are none. */
  percentileMicros(share: number): number {
    const wanted = Math.max(1, Math.ceil(share * this.count));
    let seen = 0;
    for (let bucket = 0; bucket < this.buckets.length; bucket++) {
      seen += this.buckets[bucket]!;
      if (seen >= wanted) return Math.min(this.maxMicros, upperEdgeMicros(bucket));
    }
    return this.maxMicros;
  }
}

function bucketOf(micros: number): number {
  const whole = Math.floor(micros);
  if (whole < LINEAR_MICROS) return whole;
  const octave = Math.floor(Math.log2(whole / LINEAR_MICROS));
  const widthMicros = 2 ** (octave + 1);
  return LINEAR_MICROS + octave * BUCKETS_PER_OCTAVE + Math.floor(whole / widthMicros) - BUCKETS_PER_OCTAVE;
}

function upperEdgeMicros(bucket: number): number {
  if (bucket < LINEAR_MICROS) return bucket + 1;
  const octave = Math.floor((bucket - LINEAR_MICROS) / BUCKETS_PER_OCTAVE);
  const position = ((bucket - LINEAR_MICROS) % BUCKETS_PER_OCTAVE) + BUCKETS_PER_OCTAVE;
  return (position + 1) * 2 ** (octave + 1);
}
