import { Button, ExpandableSection } from '@patternfly/react-core';
import { useState } from 'react';
import type { Schema } from '../../api/client';
import { plural } from '../../components/format';

/** More are not listed: the import is for those. */
const listed = 50;

/** Unnamed are ports that are logged in and that nobody has named. One click names one. */
export function Unnamed({ logins, onName }: { logins: readonly Schema['Login'][]; onName: (wwpn: string) => void }) {
  const [open, setOpen] = useState(false);
  if (logins.length === 0) return null;
  return (
    <ExpandableSection className="fcr-names-unnamed" toggleText={`${plural(logins.length, 'port that is logged in has', 'ports that are logged in have')} no name yet`} isExpanded={open} onToggle={(_, yes) => setOpen(yes)}>
      <ul aria-label="Ports without a name">
        {logins.slice(0, listed).map((l) => (
          <li key={l.wwpn}>
            <span className="fcr-mono">{l.wwpn}</span>
            <span className="fcr-subtle">
              {l.role === 'both' ? 'initiator and target' : l.role === 'unknown' ? 'role not known' : l.role}
              {l.port === undefined ? '' : ` on ${l.port}`}, FC_ID {l.fc_id}
            </span>
            <Button variant="link" isInline onClick={() => onName(l.wwpn)} aria-label={`Name ${l.wwpn}`}>
              Name it
            </Button>
          </li>
        ))}
      </ul>
      {logins.length > listed && <p className="fcr-subtle">The first {listed} are shown.</p>}
    </ExpandableSection>
  );
}
