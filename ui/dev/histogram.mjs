/** Response times in steps of one percent: enough to draw with. */
const STEP = Math.log(1.01);

export class Histogram {
  constructor() {
    this.counts = new Map();
    this.total = 0;
    this.sum = 0;
    this.min = Infinity;
    this.max = 0;
  }

  add(ms) {
    const bin = Math.round(Math.log(ms) / STEP);
    this.counts.set(bin, (this.counts.get(bin) ?? 0) + 1);
    this.total += 1;
    this.sum += ms;
    this.min = Math.min(this.min, ms);
    this.max = Math.max(this.max, ms);
  }

  merge(other) {
    for (const [bin, count] of other.counts) this.counts.set(bin, (this.counts.get(bin) ?? 0) + count);
    this.total += other.total;
    this.sum += other.sum;
    this.min = Math.min(this.min, other.min);
    this.max = Math.max(this.max, other.max);
    return this;
  }

  get avg() {
    return this.total === 0 ? null : this.sum / this.total;
  }

  bins() {
    return [...this.counts]
      .sort((a, b) => a[0] - b[0])
      .map(([bin, count]) => [Math.exp((bin - 0.5) * STEP), Math.exp((bin + 0.5) * STEP), count]);
  }

  percentile(fraction) {
    if (this.total === 0) return null;
    const wanted = Math.max(1, Math.ceil(fraction * this.total));
    let seen = 0;
    for (const [low, high, count] of this.bins()) {
      seen += count;
      if (seen >= wanted) return Math.min(this.max, Math.sqrt(low * high));
    }
    return this.max;
  }
}
