import { useMemo } from 'react';
import { Button } from '@patternfly/react-core';
import { DataTable, type Column } from '../../components/DataTable';
import { clock } from '../../components/format';
import { State } from '../../components/State';
import type { FlowQuery } from './filter';
import type { FlowRow } from './order';
import { pageSize, useFlows, useHold } from './useFlows';

export interface FlowListProps {
  q: FlowQuery;
  narrowed: boolean;
  sort: string;
  onSort: (sort: string) => void;
  columns: readonly Column<FlowRow>[];
  live: boolean;
  openId: string;
  onOpen: (row: FlowRow) => void;
  onClear: () => void;
}

const keyOf = (r: FlowRow) => r.flow.id;
const rowClass = (r: FlowRow) => (r.gone ? 'fcr-flow-gone' : '');

const Nothing = ({ narrowed, onClear }: { narrowed: boolean; onClear: () => void }) =>
  narrowed ? (
    <>
      The filter selects none of the flows that there are now.{' '}
      <Button variant="link" isInline onClick={onClear}>
        Clear filters
      </Button>
    </>
  ) : (
    <>A flow appears with the first storage frame between an initiator and a target. If hosts do work now, look whether the ports have a link and whether anybody is logged in.</>
  );

/** FlowList is the table. Give it a key of filter and order: another list begins anew. */
export function FlowList(p: FlowListProps) {
  const { hold, handlers } = useHold();
  const list = useFlows(p.q, p.sort, !p.live, hold);
  const foot = useMemo(() => {
    if (!p.live) return <State tone="info" text={list.at === undefined ? 'Paused' : `Paused, as of ${clock(list.at)}`} />;
    if (list.stale) return <State tone="warning" text={list.at === undefined ? 'Old' : `Old, as of ${clock(list.at)}`} />;
    if (hold) return <span className="fcr-subtle">Rows keep their places while you point at them.</span>;
    if (list.pagesLoaded > 1) return <span className="fcr-subtle">The first {pageSize} are live; those behind them are as they were when they were loaded.</span>;
    return null;
  }, [p.live, list.at, list.stale, hold, list.pagesLoaded]);
  return (
    <div {...handlers}>
      <DataTable
        label="Flows"
        columns={p.columns}
        items={list.rows}
        keyOf={keyOf}
        rowClass={rowClass}
        error={list.error}
        again={list.again}
        sort={p.sort}
        onSort={p.onSort}
        onOpen={p.onOpen}
        openKey={p.openId}
        emptyTitle={p.narrowed ? 'No flow matches' : 'No flows yet'}
        empty={<Nothing narrowed={p.narrowed} onClear={p.onClear} />}
        more={list.more}
        total={list.total}
        foot={foot}
      />
    </div>
  );
}
