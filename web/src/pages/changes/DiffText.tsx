import { Button } from '@patternfly/react-core';
import { useState } from 'react';
import { plural } from '../../components/format';

/** How many lines are put on the page before somebody asks for all. */
const first = 1_000;

function kindOf(line: string): string {
  if (line.startsWith('@@') || line.startsWith('---') || line.startsWith('+++')) return 'fcr-diff-place';
  if (line.startsWith('+')) return 'fcr-diff-added';
  return line.startsWith('-') ? 'fcr-diff-removed' : '';
}

/** DiffText is a difference as diff -u writes it: what goes begins with -, what comes with +. */
export function DiffText({ text, label }: { text: string; label: string }) {
  const [whole, setWhole] = useState(false);
  const lines = text.replace(/\n$/, '').split('\n');
  return (
    <>
      <div className="fcr-diff" role="region" aria-label={label} tabIndex={0}>
        {(whole ? lines : lines.slice(0, first)).map((line, i) => (
          <span key={i} className={kindOf(line)}>
            {line}
          </span>
        ))}
      </div>
      {!whole && lines.length > first && (
        <Button variant="link" onClick={() => setWhole(true)}>
          Show all {plural(lines.length, 'line')}
        </Button>
      )}
    </>
  );
}
