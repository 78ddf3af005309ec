import { Dropdown, DropdownItem, DropdownList, MenuToggle } from '@patternfly/react-core';
import { useState } from 'react';
import { search } from '../../components/CopyAs';

/** ExportMenu downloads what the filter selects, from the appliance's log and not from what is shown. */
export function ExportMenu({ path, params }: { path: string; params: Record<string, string | undefined> }) {
  const [open, setOpen] = useState(false);
  const href = (format: string) => path + search({ ...params, format });
  return (
    <Dropdown
      isOpen={open}
      onOpenChange={setOpen}
      onSelect={() => setOpen(false)}
      popperProps={{ position: 'right' }}
      toggle={(ref) => (
        <MenuToggle ref={ref} isExpanded={open} onClick={() => setOpen(!open)} variant="secondary">
          Export
        </MenuToggle>
      )}
    >
      <DropdownList>
        <DropdownItem to={href('jsonl')} description="A JSON document a line, 100,000 at most">
          NDJSON
        </DropdownItem>
        <DropdownItem to={href('csv')} description="A table for a spreadsheet, 100,000 rows at most">
          CSV
        </DropdownItem>
      </DropdownList>
    </Dropdown>
  );
}
