import { expect, test } from 'vitest';
import { fileName, filterText, limitsText, missedText, part, startOf, usual, type Capture } from './words';

const capture = (c: Partial<Capture>): Capture => ({
  id: 'c1',
  owner: 'oscar',
  state: 'running',
  started: '2026-11-22T12:00:00Z',
  as_sent: false,
  filter: {},
  limits: { seconds: 60, bytes: 16 << 20 },
  snap_length: 9600,
  bytes: 0,
  frames: 0,
  matched: 0,
  missed: 0,
  missed_ring_full: 0,
  patterns: 2,
  ...c,
});

test('a filter is said in words', () => {
  expect(filterText({})).toBe('all frames');
  expect(filterText({ flow: '0-100-a-b', ports: ['edge0', 'fabric0'] })).toBe('flow 0-100-a-b; port edge0, fabric0');
  expect(filterText({ ends: [{ wwpn: 'host-1' }, { fc_id: '0x010001' }], one_way: true })).toBe('ends host-1, 0x010001; one way');
});

test('what was missed says why', () => {
  expect(missedText(capture({}))).toBe('none');
  expect(missedText(capture({ missed: 10, missed_ring_full: 4 }))).toBe('10: 6 beyond the budget of copies, 4 found the ring full');
});

test('progress is that of the limit which comes first', () => {
  const at = Date.parse('2026-11-22T12:00:30Z');
  expect(part(capture({}), at)).toBeCloseTo(0.5);
  expect(part(capture({ bytes: 12 << 20 }), at)).toBeCloseTo(0.75);
  expect(part(capture({ limits: {}, frames: 5 }), at)).toBe(0);
});

test('a request has only what was said', () => {
  expect(startOf(usual)).toEqual({ body: { limits: { seconds: 60, bytes: 16 << 20 } } });
  const full = startOf({ ...usual, flow: ' 0-100-a-b ', frames: '1000', snap: '128', note: 'why is it slow', mib: '' });
  expect(full).toEqual({ body: { filter: { flow: '0-100-a-b' }, limits: { seconds: 60, frames: 1000 }, snap_length: 128, note: 'why is it slow' } });
  expect(startOf({ ...usual, first: 'host-1', second: '0x0A0001', ports: 'edge0, fabric0' })).toMatchObject({ body: { filter: { ends: [{ wwpn: 'host-1' }, { fc_id: '0x0A0001' }], ports: ['edge0', 'fabric0'] } } });
});

test('a size beyond 32 bits stays one, for the appliance to refuse', () => {
  expect(startOf({ ...usual, seconds: '', mib: '4096' })).toEqual({ body: { limits: { bytes: 2 ** 32 } } });
});

test('what is no number is named', () => {
  expect(startOf({ ...usual, seconds: 'soon' })).toEqual({ wrong: 'seconds' });
  expect(startOf({ ...usual, vsan: '-1' })).toEqual({ wrong: 'vsan' });
});

test('limits and files have names', () => {
  expect(limitsText({ seconds: 60, bytes: 16 << 20 })).toBe('1 min or 16.0 MiB');
  expect(fileName(capture({}))).toBe('2026-11-22-120000-c1.pcapng');
});
