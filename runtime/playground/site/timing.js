/** Times of turns. All are milliseconds of the page's own clock; zero is when the turn was sent. No DOM. */

/**
 * @typedef {{ttft: number | null, arrivals: number[], gaps: number[], total: number | null}} Times
 * `gaps`: between one token frame and the next, so one fewer than `arrivals`.
 */

/**
 * @param {{sentAt: number, arrivals: number[], endedAt: number | null}} turn
 * @returns {Times}
 */
export function times(turn) {
  const arrivals = turn.arrivals.map((at) => at - turn.sentAt);
  const gaps = arrivals.slice(1).map((at, index) => at - arrivals[index]);
  return {
    ttft: arrivals.length ? arrivals[0] : null,
    arrivals,
    gaps,
    total: turn.endedAt === null ? null : turn.endedAt - turn.sentAt,
  };
}

/**
 * A quantile by linear interpolation at q(n - 1); null of nothing.
 * @param {number[]} samples
 * @param {number} q
 */
export function quantile(samples, q) {
  if (!samples.length) return null;
  const sorted = [...samples].sort((a, b) => a - b);
  const at = q * (sorted.length - 1);
  const below = Math.floor(at);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (at - below);
}

/**
 * Milliseconds as people read them.
 * @param {number | null | undefined} ms
 */
export function spell(ms) {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return "–";
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 10_000) return `${Math.round(ms)} ms`;
  return `${(ms / 1000).toFixed(1)} s`;
}

/**
 * A round number at or above a value, for the end of an axis.
 * @param {number} value
 */
export function ceiling(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 1.5, 2, 3, 4, 5, 6, 8, 10].find((each) => each * power >= value * 0.999_999);
  return /** @type {number} */ (step) * power;
}

/**
 * The highest of the values that fall into each of so many equal parts of an axis; parts without any are left out.
 * Thousands of tokens are drawn as what a screen can show.
 * @param {number[]} positions
 * @param {number[]} values as many
 * @param {number} end of the axis
 * @param {number} parts
 * @returns {{part: number, value: number}[]}
 */
export function highest(positions, values, end, parts) {
  const found = new Map();
  positions.forEach((position, index) => {
    const part = Math.min(parts - 1, Math.max(0, Math.floor((position / end) * parts)));
    found.set(part, Math.max(found.get(part) ?? 0, values[index]));
  });
  return Array.from(found, ([part, value]) => ({ part, value }));
}
