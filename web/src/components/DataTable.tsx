import { Bullseye, Button, EmptyState, EmptyStateBody, Skeleton } from '@patternfly/react-core';
import { ActionsColumn, Table, Tbody, Td, Th, Thead, Tr, type IAction } from '@patternfly/react-table';
import type { ReactNode } from 'react';
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

export interface DataTableProps<T> {
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
  /** What to do when there is nothing: the next step. */
  empty: ReactNode;
  emptyTitle: string;
  /** Pages by cursor. */
  more?: { has: boolean; loading: boolean; load: () => void };
  total?: number;
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

/** DataTable is a list of the appliance: sorted and paged there, shown here. While it loads, fails or is empty it says so. */
export function DataTable<T>(props: DataTableProps<T>) {
  const { label, columns, items, keyOf, error, rowActions, onOpen, more } = props;
  if (items === undefined && error !== undefined && error !== null) return <Problem error={error} again={props.again} />;
  const actions = rowActions !== undefined;
  return (
    <>
      {error !== undefined && error !== null && <Problem error={error} again={props.again} title="The list could not be read again; it may be old" />}
      <div className="fcr-scroll">
        <Table aria-label={label} variant="compact" isStickyHeader className="fcr-numbers" aria-busy={items === undefined}>
          <Head columns={columns} sort={props.sort} onSort={props.onSort} actions={actions} />
          <Tbody>
            {items === undefined &&
              skeletonRows.map((r) => (
                <Tr key={r}>
                  {columns.map((c) => (
                    <Td key={c.id}>
                      <Skeleton screenreaderText={r === 0 ? 'Loading' : ''} />
                    </Td>
                  ))}
                </Tr>
              ))}
            {items?.map((item) => {
              const key = keyOf(item);
              const list = rowActions?.(item) ?? [];
              return (
                <Tr key={key} isRowSelected={props.openKey === key}>
                  {columns.map((c, i) => (
                    <Td key={c.id} dataLabel={c.title} className={c.number ? 'fcr-end' : ''}>
                      {i === 0 && onOpen !== undefined ? (
                        <Button variant="link" isInline onClick={() => onOpen(item)}>
                          {c.render(item)}
                        </Button>
                      ) : (
                        c.render(item)
                      )}
                    </Td>
                  ))}
                  {actions && <Td isActionCell>{list.length === 0 ? null : <ActionsColumn items={list} />}</Td>}
                </Tr>
              );
            })}
          </Tbody>
        </Table>
      </div>
      {items?.length === 0 && (
        <Bullseye>
          <EmptyState titleText={props.emptyTitle} headingLevel="h2" variant="sm">
            <EmptyStateBody>{props.empty}</EmptyStateBody>
          </EmptyState>
        </Bullseye>
      )}
      {items !== undefined && items.length > 0 && (
        <div className="fcr-foot">
          <span className="fcr-subtle" role="status">
            {props.total === undefined ? `${count(items.length)} shown` : `${count(items.length)} of ${count(props.total)} shown`}
          </span>
          {more?.has === true && (
            <Button variant="link" isLoading={more.loading} isDisabled={more.loading} onClick={more.load}>
              Show more
            </Button>
          )}
        </div>
      )}
    </>
  );
}
