import { useState } from 'react';

/** useKept is a choice that this browser keeps: shown columns, a chart's range. What it cannot keep lasts as long as the page. */
export function useKept<T>(name: string, usual: T, is: (v: unknown) => v is T): [T, (v: T) => void] {
  const key = `fcr.${name}`;
  const [value, set] = useState<T>(() => {
    try {
      const kept: unknown = JSON.parse(localStorage.getItem(key) ?? 'null');
      return is(kept) ? kept : usual;
    } catch {
      return usual;
    }
  });
  return [
    value,
    (v) => {
      set(v);
      try {
        localStorage.setItem(key, JSON.stringify(v));
      } catch {
        // Not kept, then.
      }
    },
  ];
}

export const isStrings = (v: unknown): v is string[] => Array.isArray(v) && v.every((s) => typeof s === 'string');
export const isString = (v: unknown): v is string => typeof v === 'string';
