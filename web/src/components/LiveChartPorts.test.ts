import { describe, expect, it } from 'vitest';
import type { LiveSample } from '../live';
import { bytesOf, shareOf, sidesOf, throughputOf } from './LiveChartPorts';
import type { Stored } from './LiveChartStored';

const ports = [{ name: 'e0', role: 'edge' }, { name: 'f0', role: 'fabric' }, { name: 's0', role: 'service' }] as const;
const steer = [{ port: 's0', mode: 'steer' as const }];
const rates = (i: number, o: number) => ({ frames_in: i, bytes_in: i * 1000, frames_out: o, bytes_out: o * 1000, dropped: 0 });

function sample(redirected?: number): LiveSample {
  const port = (name: string, i: number, o: number) => ({ name, up: true, frames_in: 0, bytes_in: 0, frames_out: 0, bytes_out: 0, dropped: 0, device_errors: 0, rates: rates(i, o) });
  const total = redirected === undefined ? {} : { total: { frames_per_second: 500, bytes_per_second: 0, redirected_per_second: redirected, mirrored_per_second: 0, dropped_per_second: 0 } };
  return { at: '2026-01-01T00:00:00Z', boot: 'a', alive: true, generation: 1, ports: [port('e0', 100, 300), port('f0', 300, 100), port('s0', 90, 100)], lcores: [], services: [], rings: [], ...total };
}

/** stored is what the same rates give over 60 s, of which 30 were measured. */
const stored = (i: number, o: number): Stored => ({
  seconds: 30,
  counts: {
    frames: 0, bytes: 0, errors: 0, frames_per_second: 0, bytes_per_second: 0,
    port: { frames_in: i * 30, bytes_in: i * 30_000, frames_out: o * 30, bytes_out: o * 30_000, drops: 0, stalled: 0, mirror_lost: 0, device_errors: 0, pauses_in: 0, pauses_out: 0 },
  },
});
const answers = [stored(100, 300), stored(300, 100), stored(90, 100)];

describe('lines of ports', () => {
  it('are in bits, the same live and stored', () => {
    const { lines, asks } = throughputOf(sidesOf(ports, steer));
    expect(asks).toEqual([{ of: 'port', port: 'e0' }, { of: 'port', port: 'f0' }]);
    expect(lines.map((l) => l.live(sample()))).toEqual([800_000, 2_400_000]);
    expect(lines.map((l) => l.stored?.(answers.slice(0, 2)))).toEqual([800_000, 2_400_000]);
  });

  it('are gaps where a port is unknown or was not measured', () => {
    const { lines } = bytesOf(['e0', 'gone']);
    expect(lines[0]?.live(sample())).toBeNull();
    expect(lines[0]?.stored?.([answers[0], undefined])).toBeNull();
  });
});

describe('the redirected share', () => {
  const share = shareOf(sidesOf(ports, steer), String).lines[0];

  it('is of what hosts and storage sent, so that all redirected is one', () => {
    expect(share?.live(sample(400))).toBe(1);
  });

  it('is the same from the stream, from counters and stored', () => {
    expect(share?.live(sample(100))).toBe(0.25);
    expect(share?.live(sample())).toBe(0.25);
    expect(share?.stored?.(answers)).toBe(0.25);
  });

  it('does not take copies for redirected frames', () => {
    const mirrored = shareOf(sidesOf(ports, [...steer, { port: 's0', mode: 'mirror' }]), String).lines[0];
    expect(mirrored?.stored?.(answers)).toBe(0.225);
  });

  it('is zero without services, and nothing without traffic', () => {
    const none = shareOf(sidesOf(ports.slice(0, 2), []), String).lines[0];
    expect(none?.live(sample())).toBe(0);
    expect(share?.stored?.([stored(0, 0), stored(0, 0), stored(0, 0)])).toBeNull();
  });
});
