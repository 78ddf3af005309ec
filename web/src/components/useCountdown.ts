import { useEffect, useState } from 'react';

/** waitInWords is a wait as somebody says it. Minutes are rounded up: who comes then is not sent away again. */
export const waitInWords = (seconds: number): string => (seconds >= 90 ? `${Math.ceil(seconds / 60)} minutes` : seconds === 1 ? '1 second' : `${seconds} seconds`);

/** useCountdown counts seconds down to 0, by the clock: a tab in the background is woken seldom, and does not wait longer for it. */
export function useCountdown(): [left: number, start: (seconds: number) => void] {
  const [until, setUntil] = useState(0);
  const [left, setLeft] = useState(0);
  useEffect(() => {
    if (until === 0) return undefined;
    const tick = setInterval(() => {
      const rest = Math.max(0, Math.ceil((until - performance.now()) / 1000));
      setLeft(rest);
      if (rest === 0) setUntil(0);
    }, 250);
    return () => clearInterval(tick);
  }, [until]);
  return [
    left,
    (seconds) => {
      setLeft(Math.max(0, Math.ceil(seconds)));
      setUntil(seconds > 0 ? performance.now() + seconds * 1000 : 0);
    },
  ];
}
