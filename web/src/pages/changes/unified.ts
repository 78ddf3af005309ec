/**
 * The difference of two texts by lines, as diff -u shows it. The appliance makes those of what is pending; revisions of the
 * history are compared here. Myers' greedy algorithm: time grows with the number of lines that differ.
 */

/** A document differs in so many lines that nobody reads the difference; more is not looked for. */
const mostDifferences = 1_000;
const context = 3;

interface Step {
  kind: ' ' | '+' | '-';
  text: string;
}

const linesOf = (text: string): string[] => {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
};

/** Round is how far each diagonal had come: diagonal k stands at k + radius. */
interface Round {
  furthest: Int32Array;
  radius: number;
}

const reached = (r: Round, k: number): number => r.furthest[k + r.radius] ?? -1;

/** isDown says whether diagonal k of round d is come to by a line of b, rather than by leaving out one of a. */
const isDown = (r: Round, d: number, k: number): boolean => k === -d || (k !== d && reached(r, k - 1) < reached(r, k + 1));

/** walk finds the shortest way from a to b and keeps where each round began, to go back by. */
function walk(a: readonly string[], b: readonly string[]): Round[] | undefined {
  const rounds: Round[] = [];
  let now: Round = { furthest: new Int32Array([-1, -1, 0]), radius: 1 };
  for (let d = 0; d <= Math.min(a.length + b.length, mostDifferences); d++) {
    rounds.push(now);
    const next: Round = { furthest: new Int32Array(2 * d + 5).fill(-1), radius: d + 2 };
    next.furthest.set(now.furthest, 1);
    for (let k = -d; k <= d; k += 2) {
      let x = isDown(now, d, k) ? reached(now, k + 1) : reached(now, k - 1) + 1;
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x++;
      next.furthest[k + next.radius] = x;
      if (x >= a.length && x - k >= b.length) return rounds;
    }
    now = next;
  }
  return undefined;
}

/** steps are all lines of both, in order; undefined when too many differ. */
function steps(a: readonly string[], b: readonly string[]): Step[] | undefined {
  const rounds = walk(a, b);
  if (rounds === undefined) return undefined;
  const back: Step[] = [];
  let [x, y] = [a.length, b.length];
  for (const [d, round] of [...rounds.entries()].reverse()) {
    const k = x - y;
    const down = isDown(round, d, k);
    const fromX = d === 0 ? 0 : reached(round, down ? k + 1 : k - 1);
    const fromY = d === 0 ? 0 : fromX - (down ? k + 1 : k - 1);
    while (x > fromX && y > fromY) {
      back.push({ kind: ' ', text: a[--x] ?? '' });
      y--;
    }
    if (d === 0) break;
    if (down) back.push({ kind: '+', text: b[--y] ?? '' });
    else back.push({ kind: '-', text: a[--x] ?? '' });
  }
  return back.reverse();
}

const range = (from: number, count: number) => (count === 1 ? String(from) : `${count === 0 ? from - 1 : from},${count}`);

/** unified is the difference as text; empty when there is none, undefined when too many lines differ. */
export function unified(before: string, after: string): string | undefined {
  if (before === after) return '';
  const all = steps(linesOf(before), linesOf(after));
  if (all === undefined) return undefined;
  const out: string[] = [];
  let at = 0;
  let [oldLine, newLine] = [1, 1];
  while (at < all.length) {
    if (all[at]?.kind === ' ') {
      at++;
      oldLine++;
      newLine++;
      continue;
    }
    // A hunk: some lines before, and all up to where enough lines are the same again.
    const start = Math.max(0, at - context);
    let [end, same] = [at, 0];
    while (end < all.length && same <= 2 * context) same = all[end++]?.kind === ' ' ? same + 1 : 0;
    end -= Math.max(0, same - context);
    const hunk = all.slice(start, end);
    const lead = at - start;
    const olds = hunk.filter((s) => s.kind !== '+').length;
    const news = hunk.filter((s) => s.kind !== '-').length;
    out.push(`@@ -${range(oldLine - lead, olds)} +${range(newLine - lead, news)} @@`, ...hunk.map((s) => s.kind + s.text));
    oldLine += olds - lead;
    newLine += news - lead;
    at = end;
  }
  return out.join('\n');
}
