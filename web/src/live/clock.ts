/**
 * The appliance's clock. Times in the console are the appliance's: a browser whose clock is off by an hour shows ages and
 * countdowns as they are. The offset is learnt from what the appliance says, to a second, which is enough for people.
 */

let offsetMs = 0;
let known = false;
const listeners = new Set<() => void>();

/** An offset that was measured once, and differs from the one that is known: another one must say the same. */
let candidateMs: number | undefined;

/** What is nearer than this is a matter of the network, not of a wrong clock. */
const jitterMs = 1500;

/** Headers have whole seconds, cut: on average half of one is missing. */
const cutMs = 500;

/** observeDate takes the Date header of an answer. */
export function observeDate(text: string | null): void {
  if (text !== null) observeServerTime(Date.parse(text) + cutMs);
}

/** observeServerTime takes a time of the appliance that was now when it was sent. One late message does not move the clock. */
export function observeServerTime(at: number): void {
  if (Number.isNaN(at)) return;
  const measured = at - Date.now();
  if (known && Math.abs(measured - offsetMs) < jitterMs) {
    candidateMs = undefined;
    return;
  }
  if (known && (candidateMs === undefined || Math.abs(measured - candidateMs) >= jitterMs)) {
    candidateMs = measured;
    return;
  }
  candidateMs = undefined;
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
