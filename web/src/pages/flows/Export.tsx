import { Dropdown, DropdownItem, DropdownList, MenuToggle } from '@patternfly/react-core';
import { useState } from 'react';
import { toSearch, type FlowQuery } from './filter';

/** Export downloads all flows that the filter selects, not only those on the page: the browser asks the appliance for the file. */
export function Export({ q }: { q: FlowQuery }) {
  const [open, setOpen] = useState(false);
  const link = (format: string) => `/api/v1/flows/export${toSearch({ ...q, format })}`;
  return (
    <Dropdown
      isOpen={open}
      onOpenChange={setOpen}
      onSelect={() => setOpen(false)}
      popperProps={{ position: 'right' }}
      toggle={(ref) => (
        <MenuToggle ref={ref} isExpanded={open} onClick={() => setOpen(!open)}>
          Export
        </MenuToggle>
      )}
    >
      <DropdownList>
        <DropdownItem to={link('csv')} download="flows.csv" description="All that the filter selects, as a table">
          CSV
        </DropdownItem>
        <DropdownItem to={link('jsonl')} download="flows.jsonl" description="The same, a JSON document a line">
          NDJSON
        </DropdownItem>
      </DropdownList>
    </Dropdown>
  );
}
