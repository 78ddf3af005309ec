import type { ChartData } from '../../components/Chart';
import type { Schema } from '../../api/client';

/** Of a step less than this part was measured: a rate of so little says nothing. */
const tooLittle = 0.25;

/** chartsOf makes the two charts of a series. Steps that were not measured are gaps. */
export function chartsOf(series: Schema['Series']): { from: number; to: number; throughput: ChartData; frames: ChartData } {
  const at: number[] = [];
  const throughput: (number | null)[] = [];
  const frames: (number | null)[] = [];
  for (const p of series.points) {
    const counts = p.counts !== null && p.measured >= tooLittle * Math.min(1, series.step_seconds) ? p.counts : null;
    at.push(Date.parse(p.at) / 1000);
    throughput.push(counts === null ? null : counts.bytes_per_second);
    frames.push(counts === null ? null : counts.frames_per_second);
  }
  return { from: Date.parse(series.from) / 1000, to: Date.parse(series.to) / 1000, throughput: [at, throughput], frames: [at, frames] };
}
