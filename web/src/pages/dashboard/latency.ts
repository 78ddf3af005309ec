import type { LiveSample } from '../../live';

/** worst is a latency of the slowest lcore, in microseconds; null where no lcore had a frame: nothing was measured. */
export function worst(s: LiveSample, of: 'latency_p50_us' | 'latency_p99_us' | 'latency_p9999_us'): number | null {
  let most = 0;
  for (const c of s.lcores) most = Math.max(most, c[of] ?? 0);
  return most > 0 ? most : null;
}
