import { Dropdown, DropdownItem, DropdownList, MenuToggle, type DropdownItemProps, type MenuToggleProps } from '@patternfly/react-core';
import { useState } from 'react';

/** Choice is one of a menu: something to do, or a file to download. */
export interface Choice extends Pick<DropdownItemProps, 'description' | 'to' | 'onClick'> {
  text: string;
  /** The name of the file that `to` leads to. */
  download?: string;
}

/** Menu is a button that opens a few choices. */
export function Menu({ label, choices, ...toggle }: { label: string; choices: readonly Choice[] } & Pick<MenuToggleProps, 'size' | 'variant'>) {
  const [open, setOpen] = useState(false);
  return (
    <Dropdown
      isOpen={open}
      onOpenChange={setOpen}
      onSelect={() => setOpen(false)}
      popperProps={{ position: 'right' }}
      toggle={(ref) => (
        <MenuToggle {...toggle} ref={ref} isExpanded={open} onClick={() => setOpen(!open)}>
          {label}
        </MenuToggle>
      )}
    >
      <DropdownList>
        {choices.map(({ text, ...item }) => (
          <DropdownItem key={text} {...item}>
            {text}
          </DropdownItem>
        ))}
      </DropdownList>
    </Dropdown>
  );
}
