/**
 * Keys by which the appliance knows a request that comes again. Whoever repeats by hand what got no answer sends the same key,
 * so that it is done once; what was answered and is sent again is meant again.
 */

export const keyHeader = 'Idempotency-Key';

/** Requests without an answer that are remembered, the oldest forgotten first. */
const most = 64;

export class IdempotencyKeys {
  private readonly unanswered = new Map<string, string>();

  constructor(private readonly make: () => string = () => crypto.randomUUID()) {}

  /** of is the key of a request: the one that it had before, if nobody answered. */
  of(request: string): string {
    const key = this.unanswered.get(request) ?? this.make();
    this.unanswered.delete(request);
    this.unanswered.set(request, key);
    const oldest = this.unanswered.keys().next();
    if (this.unanswered.size > most && oldest.done !== true) this.unanswered.delete(oldest.value);
    return key;
  }

  answered(key: string | null): void {
    for (const [request, k] of this.unanswered) if (k === key) this.unanswered.delete(request);
  }
}

/** asksOnly: a POST that changes nothing needs no key, and its answer no room in the appliance. */
export const asksOnly = (url: URL): boolean => /\/(dry-run|diff|validate|evaluate)$/.test(url.pathname) || url.searchParams.get('dry_run') === 'true';
