import { describe, expect, it } from 'vitest';
import { unified } from './unified';

/** A small generator, so that a failure can be repeated. */
function random(seed: number) {
  return (n: number) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed % n;
  };
}

/** applied makes the second of the first text: every line of a hunk must be where it says. */
function applied(before: string, difference: string): string {
  const lines = before.split('\n').slice(0, -1);
  const out: string[] = [];
  let at = 0;
  for (const line of difference === '' ? [] : difference.split('\n')) {
    const head = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@$/.exec(line);
    if (head !== null) {
      const start = Number(head[1]) - (head[2] === '0' ? 0 : 1);
      while (at < start) out.push(lines[at++] ?? 'BEYOND');
      expect(Number(head[3]) - (head[4] === '0' ? 0 : 1)).toBe(out.length);
      continue;
    }
    if (line[0] !== '+') expect(lines[at]).toBe(line.slice(1));
    if (line[0] !== '+') at++;
    if (line[0] !== '-') out.push(line.slice(1));
  }
  return [...out, ...lines.slice(at), ''].join('\n');
}

describe('the difference of two texts', () => {
  it('is empty where there is none', () => expect(unified('a\nb\n', 'a\nb\n')).toBe(''));
  it('is as diff -u says it', () => {
    expect(unified('a\nb\nc\n', 'a\nx\nc\n')).toBe('@@ -1,3 +1,3 @@\n a\n-b\n+x\n c');
    expect(unified('', 'a\n')).toBe('@@ -0,0 +1 @@\n+a');
  });
  it('shows three lines around, and joins what is near', () => {
    const lines = Array.from({ length: 40 }, (_, i) => `line ${i}`);
    const other = lines.with(5, 'x').with(10, 'y').with(30, 'z');
    const text = unified(lines.join('\n') + '\n', other.join('\n') + '\n') ?? '';
    expect(text.match(/^@@.*$/gm)).toEqual(['@@ -3,12 +3,12 @@', '@@ -28,7 +28,7 @@']);
  });
  it('makes the one of the other, whatever they are', () => {
    for (let seed = 1; seed <= 400; seed++) {
      const pick = random(seed);
      const text = () => Array.from({ length: pick(25) }, () => 'abcd'[pick(4)] + '\n').join('');
      const [before, after] = [text(), text()];
      expect(applied(before, unified(before, after) ?? 'none'), `seed ${seed}`).toBe(after);
    }
  });
  it('gives up on texts that have nothing in common, soon', () => {
    const text = (what: string) => Array.from({ length: 20_000 }, (_, i) => `${what} ${i}\n`).join('');
    expect(unified(text('a'), text('b'))).toBeUndefined();
  });
});
