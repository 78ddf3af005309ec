import { MenuToggle, Select, SelectList, SelectOption } from '@patternfly/react-core';
import { useMemo, useState } from 'react';
import type { Column } from './DataTable';
import { isStrings, useKept } from './kept';

/** useColumns is which columns of a table are shown; the browser keeps it. The first one always is. */
export function useColumns<T>(table: string, columns: readonly Column<T>[]) {
  const usual = columns.filter((c) => c.optional !== true).map((c) => c.id);
  const [chosen, choose] = useKept<string[]>(`columns.${table}`, usual, isStrings);
  const shown = useMemo(() => columns.filter((c, i) => i === 0 || chosen.includes(c.id)), [columns, chosen]);
  return { shown, chosen, choose };
}

/** ColumnPicker chooses columns. */
export function ColumnPicker<T>({ columns, chosen, choose }: { columns: readonly Column<T>[]; chosen: string[]; choose: (ids: string[]) => void }) {
  const [open, setOpen] = useState(false);
  return (
    <Select
      role="menu"
      isOpen={open}
      onOpenChange={setOpen}
      onSelect={(_, id) => choose(chosen.includes(String(id)) ? chosen.filter((c) => c !== id) : [...chosen, String(id)])}
      toggle={(ref) => (
        <MenuToggle ref={ref} isExpanded={open} onClick={() => setOpen(!open)}>
          Columns
        </MenuToggle>
      )}
    >
      <SelectList>
        {columns.slice(1).map((c) => (
          <SelectOption key={c.id} value={c.id} hasCheckbox isSelected={chosen.includes(c.id)}>
            {c.title}
          </SelectOption>
        ))}
      </SelectList>
    </Select>
  );
}
