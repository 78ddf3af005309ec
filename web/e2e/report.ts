import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What was measured, with what it may be. The figures of a run stand in report/budgets.json, and are printed at its end. */
export interface Budget {
  name: string;
  value: number;
  most: number;
  unit: string;
}

const folder = join(import.meta.dirname, 'report');
const file = join(folder, 'budgets.json');

const read = (): Budget[] => (existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : []);

/** measured notes a figure, whether it is within its budget or not. */
export function measured(budget: Budget): Budget {
  mkdirSync(folder, { recursive: true });
  const others = read().filter((b) => b.name !== budget.name);
  writeFileSync(file, JSON.stringify([...others, budget], null, 2) + '\n');
  return budget;
}

const figure = (n: number): string => (Number.isInteger(n) ? String(n) : n.toFixed(1));

/** printReport prints the figures as a table. */
export function printReport(): void {
  const all = read();
  if (all.length === 0) return;
  const width = Math.max(...all.map((b) => b.name.length));
  const lines = all.map((b) => {
    const mark = b.value <= b.most ? 'ok  ' : 'OVER';
    return `${mark} ${b.name.padEnd(width)}  ${figure(b.value).padStart(8)} of ${figure(b.most)} ${b.unit}`;
  });
  console.log(['', 'budgets of the console', ...lines, ''].join('\n'));
}
