/**
 * The appliance's clock. Times in the console are the appliance's: a browser whose clock is off by an hour shows ages and
 * countdowns as they are. The offset is learnt from what the appliance says, to a second, which is enough for people.
 */

let offsetMs = 0;
let known = false;
const listeners = new Set<() => void>();

/** What is nearer than this is a matter of the network, not of a wrong clock. */
const jitterMs = 1500;

/** observeServerTime takes the Date header of an answer, or the time of a live message. */
export function observeServerTime(text: string | null | undefined): void {
  if (!text) return;
  const at = Date.parse(text);
  if (Number.isNaN(at)) return;
  const measured = at - Date.now();
  if (known && Math.abs(measured - offsetMs) < jitterMs) return;
  offsetMs = Math.abs(measured) < jitterMs ? 0 : measured;
  known = true;
  listeners.forEach((tell) => tell());
}

/** now is the appliance's time in milliseconds since 1970. */
export const now = (): number => Date.now() + offsetMs;

/** clockOffset is how far the appliance's clock is ahead of this computer's. */
export const clockOffset = (): number => offsetMs;

export function subscribeClock(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
