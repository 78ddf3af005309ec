import type { ReactNode } from 'react';
import { Link } from 'wouter';
import type { Schema } from '../../api/client';
import type { Column } from '../../components/DataTable';
import { plural } from '../../components/format';
import { State } from '../../components/State';
import { Name } from '../../components/Wwn';
import { standingOf, type Alias, type NameSet, type Use, type Uses } from './names';

const usesListed = 4;

const useHref = (u: Use) => (u.kind === 'set' ? `/aliases?${new URLSearchParams({ tab: 'sets', search: u.name }).toString()}` : `/policies?${new URLSearchParams({ policy: u.name }).toString()}`);

/** UsedBy is where a name is used, each a link. */
function UsedBy({ uses }: { uses: readonly Use[] | undefined }) {
  if (uses === undefined || uses.length === 0) return <span className="fcr-subtle">nothing</span>;
  const more = uses.length - usesListed;
  return (
    <>
      {uses.slice(0, usesListed).map((u, i) => (
        <span key={`${u.kind} ${u.name}`}>
          {i > 0 && ', '}
          {u.kind}{' '}
          <Link href={useHref(u)}>
            <Name name={u.name} />
          </Link>
        </span>
      ))}
      {more > 0 && ` and ${more} more`}
    </>
  );
}

/** usedInWords is the same as a sentence for a dialog. */
export function usedInWords(uses: readonly Use[] | undefined): string | undefined {
  if (uses === undefined || uses.length === 0) return undefined;
  const first = uses.slice(0, usesListed).map((u) => `${u.kind} ${u.name}`);
  return `It is used by ${first.join(', ')}${uses.length > usesListed ? ` and ${uses.length - usesListed} more` : ''}.`;
}

const standing = { active: null, new: <State tone="info" text="new, pending" />, changed: <State tone="info" text="changed, pending" /> };

export function aliasColumns(uses: Uses, logins: readonly Schema['Login'][] | undefined, active: ReadonlyMap<string, string> | undefined): readonly Column<Alias>[] {
  const byWwpn = new Map((logins ?? []).filter((l) => l.state !== 'removed').map((l) => [l.wwpn, l]));
  const where = (a: Alias): ReactNode => {
    const l = byWwpn.get(a.wwpn);
    if (l === undefined) return <span className="fcr-subtle">not logged in</span>;
    return `${l.role}${l.port === undefined ? '' : ` on ${l.port}`}`;
  };
  const all: Column<Alias>[] = [
    { id: 'name', title: 'Name', sort: 'name', render: (a) => <Name name={a.name ?? ''} /> },
    { id: 'wwpn', title: 'WWPN', sort: 'wwpn', render: (a) => <span className="fcr-mono">{a.wwpn}</span> },
    { id: 'login', title: 'Logged in', render: where },
    { id: 'uses', title: 'Used by', render: (a) => <UsedBy uses={uses.get(a.name ?? '')} /> },
    { id: 'standing', title: 'State', render: (a) => standing[standingOf(a, active)] ?? <span className="fcr-subtle">active</span> },
    { id: 'flows', title: 'Flows', render: (a) => <Link href={`/flows?${new URLSearchParams({ end: a.wwpn }).toString()}`}>Show flows</Link> },
  ];
  return all.filter((c) => c.id !== 'login' || logins !== undefined);
}

const membersListed = 6;

export const setColumns = (uses: Uses): readonly Column<NameSet>[] => [
  { id: 'name', title: 'Name', sort: 'name', render: (s) => <Name name={s.name ?? ''} /> },
  {
    id: 'members',
    title: 'Members',
    render: (s) => (
      <>
        {s.members.slice(0, membersListed).map((m, i) => (
          <span key={m}>
            {i > 0 && ', '}
            <Name name={m} />
          </span>
        ))}
        {s.members.length > membersListed && ` and ${plural(s.members.length - membersListed, 'other', 'others')}`}
      </>
    ),
  },
  { id: 'count', title: 'How many', number: true, render: (s) => String(s.members.length) },
  { id: 'uses', title: 'Used by', render: (s) => <UsedBy uses={uses.get(s.name ?? '')} /> },
];
