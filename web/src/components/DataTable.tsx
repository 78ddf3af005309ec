import { Bullseye, Button, EmptyState, EmptyStateBody, Skeleton } from '@patternfly/react-core';
import { ActionsColumn, Table, Tbody, Td, Th, Thead, Tr, type IAction } from '@patternfly/react-table';
import { defaultRangeExtractor, useVirtualizer, type Range } from '@tanstack/react-virtual';
import { memo, useCallback, useEffect, useRef, useState, type ReactNode } from 'react';
import './datatable.css';
import { count } from './format';
import { isMany } from './manyRows';
import { Problem } from './Problem';

export interface Column<T> {
  id: string;
  title: string;
  render: (item: T) => ReactNode;
  /** The field by which the appliance sorts. Without it the column cannot be sorted. */
  sort?: string;
  /** Numbers stand at the end, under each other. */
  number?: boolean;
  /** Not shown until chosen (ColumnPicker). */
  optional?: boolean;
  /** More about the column, where its name is not enough. */
  info?: string;
}

interface DataTableProps<T> {
  /** What the table is of, for who does not see it. */
  label: string;
  columns: readonly Column<T>[];
  items: readonly T[] | undefined;
  keyOf: (item: T) => string;
  error?: unknown;
  again?: () => void;
  /** '-byte_rate' as the appliance writes it. */
  sort?: string;
  onSort?: (sort: string) => void;
  /** The first column's text becomes the way into the item. */
  onOpen?: (item: T) => void;
  openKey?: string;
  rowActions?: (item: T) => IAction[];
  /** A class for a row: what is over looks so. */
  rowClass?: (item: T) => string;
  /** What to do when there is nothing: the next step. */
  empty: ReactNode;
  emptyTitle: string;
  /** Pages by cursor. */
  more?: { has: boolean; loading: boolean; load: () => void };
  total?: number;
  /** More for the line below: what holds the order, how old it is. */
  foot?: ReactNode;
}

function Head<T>({ columns, sort, onSort, actions }: { columns: readonly Column<T>[]; sort?: string; onSort?: (s: string) => void; actions: boolean }) {
  const field = sort?.replace(/^-/, '');
  return (
    <Thead>
      <Tr>
        {columns.map((c, i) => (
          <Th
            key={c.id}
            modifier="nowrap"
            textCenter={false}
            className={c.number ? 'fcr-end' : ''}
            {...(c.info === undefined ? {} : { info: { tooltip: c.info } })}
            {...(c.sort === undefined || onSort === undefined
              ? {}
              : {
                  sort: {
                    columnIndex: i,
                    sortBy: field === c.sort ? { index: i, direction: sort?.startsWith('-') ? 'desc' : 'asc' } : {},
                    onSort: (_e, _i, direction) => onSort((direction === 'desc' ? '-' : '') + c.sort),
                  },
                })}
          >
            {c.title}
          </Th>
        ))}
        {actions && <Th screenReaderText="Actions" />}
      </Tr>
    </Thead>
  );
}

const skeletonRows = [0, 1, 2, 3, 4];

const Skeletons = ({ columns }: { columns: number }) =>
  skeletonRows.map((r) => (
    <Tr key={r}>
      {Array.from({ length: columns }, (_, c) => (
        <Td key={c}>
          <Skeleton screenreaderText={r === 0 && c === 0 ? 'Loading' : ''} />
        </Td>
      ))}
    </Tr>
  ));

interface RowProps<T> {
  item: T;
  index: number;
  columns: readonly Column<T>[];
  open: boolean;
  onOpen?: (item: T) => void;
  rowActions?: (item: T) => IAction[];
  rowClass?: (item: T) => string;
  measure?: (row: HTMLTableRowElement | null) => void;
}

function PlainRow<T>({ item, index, columns, open, onOpen, rowActions, rowClass, measure }: RowProps<T>) {
  const list = rowActions?.(item) ?? [];
  return (
    <Tr isRowSelected={open} className={rowClass?.(item) ?? ''} ref={measure} data-index={index} {...(measure === undefined ? {} : { 'aria-rowindex': index + 2 })}>
      {columns.map((c, i) => (
        <Td key={c.id} dataLabel={c.title} className={c.number ? 'fcr-end' : ''}>
          {i === 0 && onOpen !== undefined ? (
            <Button variant="link" isInline onClick={() => onOpen(item)} {...(open ? { 'aria-current': true } : {})}>
              {c.render(item)}
            </Button>
          ) : (
            c.render(item)
          )}
        </Td>
      ))}
      {rowActions !== undefined && <Td isActionCell>{list.length === 0 ? null : <ActionsColumn items={list} />}</Td>}
    </Tr>
  );
}

/**
 * A row is drawn again when its item is another one. Who gives the same columns and functions each time gets that for a live
 * list. The cast is because memo forgets that a component is generic.
 */
const Row: typeof PlainRow = memo(PlainRow) as typeof PlainRow;

const rowPx = 41;

function Gap({ px, columns }: { px: number; columns: number }) {
  if (px <= 0) return null;
  return (
    <tr aria-hidden="true" className="fcr-gap">
      <td colSpan={columns} style={{ height: px }} />
    </tr>
  );
}

/** focusedRow is the row of a list in which the focus is. */
function focusedRow(list: HTMLElement | null): HTMLElement | undefined {
  const row = document.activeElement?.closest<HTMLElement>('tr[data-index]') ?? undefined;
  return row !== undefined && list?.contains(row) === true ? row : undefined;
}

/** within are the rows in sight, and the one with the focus wherever it is: what goes from the page takes the focus with it. */
function within(range: Range, list: HTMLElement | null): number[] {
  const shown = defaultRangeExtractor(range);
  const focused = Number(focusedRow(list)?.dataset['index'] ?? NaN);
  return !(focused < range.count) || shown.includes(focused) ? shown : [...shown, focused].sort((a, b) => a - b);
}

interface RowsProps<T> extends DataTableProps<T> {
  items: readonly T[];
  many: boolean;
  scroll: () => HTMLElement | null;
}

/** Rows are all of a short list, and of a long one those in sight, with room for the others. Both are one tree: a row that stays is the same. */
function Rows<T>({ items, many, scroll, ...p }: RowsProps<T>) {
  const rows = useVirtualizer({
    count: many ? items.length : 0,
    getScrollElement: scroll,
    estimateSize: () => rowPx,
    overscan: 8,
    getItemKey: (i) => keyAt(items, i, p.keyOf),
    rangeExtractor: (range) => within(range, scroll()),
  });
  const was = useRef(many);
  useEffect(() => {
    if (was.current !== many) focusedRow(scroll())?.scrollIntoView({ block: 'nearest' });
    was.current = many;
  }, [many, scroll]);
  const shown = many ? rows.getVirtualItems() : [];
  const width = p.columns.length + (p.rowActions === undefined ? 0 : 1);
  const drawn = many
    ? shown.flatMap(({ index, key, start }, i) => {
        const item = items[index];
        const gap = <Gap key={`\n${String(key)}`} px={start - (shown[i - 1]?.end ?? 0)} columns={width} />; // no name has a new line
        return item === undefined ? [gap] : [gap, <Row key={key} {...rowOf(p, item, index)} measure={rows.measureElement} />];
      })
    : items.map((item, i) => <Row key={p.keyOf(item)} {...rowOf(p, item, i)} />);
  return (
    <Tbody>
      {drawn}
      <Gap px={many ? rows.getTotalSize() - (shown.at(-1)?.end ?? 0) : 0} columns={width} />
    </Tbody>
  );
}

function keyAt<T>(items: readonly T[], i: number, keyOf: (item: T) => string): string {
  const item = items[i];
  return item === undefined ? String(i) : keyOf(item);
}

type RowSource<T> = Pick<DataTableProps<T>, 'columns' | 'keyOf' | 'openKey' | 'onOpen' | 'rowActions' | 'rowClass'>;

const rowOf = <T,>(p: RowSource<T>, item: T, index: number): RowProps<T> => ({
  item,
  index,
  columns: p.columns,
  open: p.openKey !== undefined && p.openKey === p.keyOf(item),
  onOpen: p.onOpen,
  rowActions: p.rowActions,
  rowClass: p.rowClass,
});

/** An answer is said to who does not see it. What a live list becomes afterwards is not. */
const tellMs = 1_000;

function Foot<T>({ items, total, more, foot }: DataTableProps<T>) {
  const asked = items === undefined || more?.loading === true;
  const [told, tell] = useState(false);
  useEffect(() => {
    tell(false);
    if (asked) return undefined;
    const end = setTimeout(() => tell(true), tellMs);
    return () => clearTimeout(end);
  }, [asked]);
  const shown = items === undefined || items.length === 0 ? '' : count(items.length);
  return (
    <div className="fcr-foot">
      <span className="fcr-subtle" role="status" aria-live={told ? 'off' : 'polite'}>
        {shown === '' ? '' : total === undefined ? `${shown} shown` : `${shown} of ${count(total)} shown`}
      </span>
      {shown === '' ? null : foot}
      {shown !== '' && more?.has === true && (
        <Button variant="link" isLoading={more.loading} isDisabled={more.loading} onClick={more.load}>
          Show more
        </Button>
      )}
    </div>
  );
}

/** DataTable is a list of the appliance: sorted and paged there, shown here. While it loads, fails or is empty it says so. */
export function DataTable<T>(props: DataTableProps<T>) {
  const { label, columns, items, error } = props;
  const at = useRef<HTMLDivElement>(null);
  const scroll = useCallback(() => at.current, []);
  const wasMany = useRef(false);
  const many = isMany(items?.length ?? 0, wasMany.current);
  wasMany.current = many;
  if (items === undefined && error !== undefined && error !== null) return <Problem error={error} again={props.again} />;
  const region = many ? { className: 'fcr-scroll fcr-many', tabIndex: 0, role: 'region', 'aria-label': `${label}, scrolls` } : { className: 'fcr-scroll' };
  return (
    <>
      {error !== undefined && error !== null && <Problem error={error} again={props.again} title="The list could not be read again; it may be old" />}
      <div ref={at} {...region}>
        <Table
          aria-label={label}
          variant="compact"
          isStickyHeader
          className="fcr-numbers"
          aria-busy={items === undefined}
          {...(many && items !== undefined ? { 'aria-rowcount': items.length + 1 } : {})}
        >
          <Head columns={columns} sort={props.sort} onSort={props.onSort} actions={props.rowActions !== undefined} />
          {items === undefined ? (
            <Tbody>
              <Skeletons columns={columns.length + (props.rowActions === undefined ? 0 : 1)} />
            </Tbody>
          ) : (
            <Rows {...props} items={items} many={many} scroll={scroll} />
          )}
        </Table>
      </div>
      {items?.length === 0 && (
        <Bullseye>
          <EmptyState titleText={props.emptyTitle} headingLevel="h2" variant="sm">
            <EmptyStateBody>{props.empty}</EmptyStateBody>
          </EmptyState>
        </Bullseye>
      )}
      <Foot {...props} />
    </>
  );
}
