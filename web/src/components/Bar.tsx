import './chart.css';

/** Bar shows a part of a whole beside its figure, which says the same to who does not see it. */
export function Bar({ part, warnAt = 0.8 }: { part: number; warnAt?: number }) {
  const percent = Math.max(0, Math.min(100, part * 100));
  return (
    <span className="fcr-bar" aria-hidden="true">
      <span className={part >= warnAt ? 'fcr-bar-part fcr-bar-high' : 'fcr-bar-part'} style={{ inlineSize: `${percent}%` }} />
    </span>
  );
}
