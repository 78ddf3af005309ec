import { useSyncExternalStore } from 'react';

export type Theme = 'system' | 'light' | 'dark';

const key = 'fcr.theme';
const listeners = new Set<() => void>();
const system = matchMedia('(prefers-color-scheme: dark)');

function read(): Theme {
  try {
    const kept = localStorage.getItem(key);
    return kept === 'dark' || kept === 'light' ? kept : 'system';
  } catch {
    return 'system';
  }
}

let choice = read();

const isDark = (): boolean => choice === 'dark' || (choice === 'system' && system.matches);

function apply(): void {
  document.documentElement.classList.toggle('pf-v6-theme-dark', isDark());
  listeners.forEach((tell) => tell());
}

system.addEventListener('change', apply);

/** setTheme changes the choice; public/theme.js applies it before the first paint from then on. */
export function setTheme(theme: Theme): void {
  choice = theme;
  try {
    localStorage.setItem(key, theme);
  } catch {
    // It lasts as long as the page, then.
  }
  apply();
}

const watch = (tell: () => void) => {
  listeners.add(tell);
  return () => {
    listeners.delete(tell);
  };
};

export const useTheme = (): Theme => useSyncExternalStore(watch, () => choice);

/** useDark is for what draws its own colours: charts are drawn anew when it changes. */
export const useDark = (): boolean => useSyncExternalStore(watch, isDark);
