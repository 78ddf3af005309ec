import { useCallback, useEffect, useRef, useState } from 'react';
import { useLocation } from 'wouter';
import { useKept } from '../components/kept';
import type { Route } from './routes';

/** How long a g waits for the letter of a page. */
const chordMs = 1500;

const typing = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName));

/** focusSearch puts the cursor into the page's search; pages mark theirs with data-search. */
function focusSearch(): boolean {
  const field = document.querySelector<HTMLInputElement>('#main [data-search] input, #main input[data-search]');
  field?.focus();
  field?.select();
  return field !== null;
}

const isOff = (v: unknown): v is boolean => typeof v === 'boolean';

/** useSingleKeys is whether single keys do something: who speaks to the computer, or shakes, may turn them off. */
export const useSingleKeys = () => useKept('keys', true, isOff);

/** useKeyboard: / searches, ? helps, g and a letter go to a page. Nothing of it while somebody types or a dialog is open. */
export function useKeyboard(routes: readonly Route[], on: boolean) {
  const [helpOpen, setHelp] = useState(false);
  const [, go] = useLocation();
  const chord = useRef(-Infinity);

  useEffect(() => {
    if (!on) return undefined;
    const press = (e: KeyboardEvent) => {
      if (e.ctrlKey || e.metaKey || e.altKey || typing(e.target)) return;
      if (document.querySelector('[role="dialog"][aria-modal="true"]') !== null) return;
      if (e.key === '/') {
        if (focusSearch()) e.preventDefault();
      } else if (e.key === '?') {
        e.preventDefault();
        setHelp(true);
      } else if (e.key === 'g') {
        chord.current = e.timeStamp;
      } else if (e.timeStamp - chord.current < chordMs) {
        chord.current = -Infinity;
        const to = routes.find((r) => r.key === e.key);
        if (to !== undefined) {
          e.preventDefault();
          go(to.path);
        }
      }
    };
    document.addEventListener('keydown', press);
    return () => document.removeEventListener('keydown', press);
  }, [routes, go, on]);

  return { helpOpen, openHelp: useCallback(() => setHelp(true), []), closeHelp: useCallback(() => setHelp(false), []) };
}
