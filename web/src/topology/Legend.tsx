import { courseText } from './words';
import type { Course, Topology } from './model';

const order: readonly Course[] = ['direct', 'redirected', 'copied', 'bypassed', 'blocked', 'dropped'];

/** Legend names the strokes that are drawn. */
export function Legend({ topology }: { topology: Topology }) {
  const drawn = new Set(topology.links.map((l) => l.course));
  return (
    <ul className="fcr-topology-legend" aria-label="Legend">
      {order
        .filter((c) => drawn.has(c))
        .map((c) => (
          <li key={c}>
            <svg width="44" height="10" viewBox="0 0 44 10" aria-hidden="true" className={`fcr-course-${c}`}>
              <path className="fcr-topology-line" d="M0 5H44" strokeWidth={3} />
              {(c === 'blocked' || c === 'dropped') && <path className="fcr-topology-end" d="M35 1L43 9M43 1L35 9" />}
            </svg>
            {courseText[c]}
          </li>
        ))}
    </ul>
  );
}
