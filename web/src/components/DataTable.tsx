import { Bullseye, Button, EmptyState, EmptyStateBody, Skeleton } from '@patternfly/react-core';
import { ActionsColumn, Table, Tbody, Td, Th, Thead, Tr, type IAction } from '@patternfly/react-table';
import { useVirtualizer } from '@tanstack/react-virtual';
import { memo, useRef, type ReactNode } from 'react';
import './datatable.css';
import { count } from './format';
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

/** From so many rows on only those in sight are in the page, and the table scrolls in itself. */
const manyRows = 150;
const rowPx = 41;

function Gap({ px, columns }: { px: number; columns: number }) {
  if (px <= 0) return null;
  return (
    <tr aria-hidden="true" className="fcr-gap">
      <td colSpan={columns} style={{ height: px }} />
    </tr>
  );
}

/** ManyRows are the rows in sight of a long list, with room for the others above and below. */
function ManyRows<T>({ items, scroll, ...p }: DataTableProps<T> & { items: readonly T[]; scroll: () => HTMLElement | null }) {
  const rows = useVirtualizer({ count: items.length, getScrollElement: scroll, estimateSize: () => rowPx, overscan: 8, getItemKey: (i) => keyAt(items, i, p.keyOf) });
  const shown = rows.getVirtualItems();
  const width = p.columns.length + (p.rowActions === undefined ? 0 : 1);
  return (
    <Tbody>
      <Gap px={shown[0]?.start ?? 0} columns={width} />
      {shown.map(({ index, key }) => {
        const item = items[index];
        return item === undefined ? null : <Row key={key} {...rowOf(p, item, index)} measure={rows.measureElement} />;
      })}
      <Gap px={rows.getTotalSize() - (shown.at(-1)?.end ?? 0)} columns={width} />
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

function Body<T>({ scroll, ...p }: DataTableProps<T> & { scroll: () => HTMLElement | null }) {
  const { items, columns, rowActions } = p;
  if (items === undefined) {
    return (
      <Tbody>
        <Skeletons columns={columns.length + (rowActions === undefined ? 0 : 1)} />
      </Tbody>
    );
  }
  if (items.length >= manyRows) return <ManyRows {...p} items={items} scroll={scroll} />;
  return (
    <Tbody>
      {items.map((item, i) => (
        <Row key={p.keyOf(item)} {...rowOf(p, item, i)} />
      ))}
    </Tbody>
  );
}

function Foot<T>({ items, total, more, foot }: DataTableProps<T> & { items: readonly T[] }) {
  return (
    <div className="fcr-foot">
      <span className="fcr-subtle" role="status">
        {total === undefined ? `${count(items.length)} shown` : `${count(items.length)} of ${count(total)} shown`}
      </span>
      {foot}
      {more?.has === true && (
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
  if (items === undefined && error !== undefined && error !== null) return <Problem error={error} again={props.again} />;
  const many = items !== undefined && items.length >= manyRows;
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
          {...(many ? { 'aria-rowcount': items.length + 1 } : {})}
        >
          <Head columns={columns} sort={props.sort} onSort={props.onSort} actions={props.rowActions !== undefined} />
          <Body {...props} scroll={() => at.current} />
        </Table>
      </div>
      {items?.length === 0 && (
        <Bullseye>
          <EmptyState titleText={props.emptyTitle} headingLevel="h2" variant="sm">
            <EmptyStateBody>{props.empty}</EmptyStateBody>
          </EmptyState>
        </Bullseye>
      )}
      {items !== undefined && items.length > 0 && <Foot {...props} items={items} />}
    </>
  );
}
