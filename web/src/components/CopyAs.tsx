import { Dropdown, DropdownItem, DropdownList, MenuToggle } from '@patternfly/react-core';
import { useState } from 'react';
import { curl, search, type Commands } from './commands';
import { quote } from './quote';
import { useToast } from './Toasts';

export { quote, curl, search, type Commands };

/** CopyAs gives what the page shows as a command. */
export function CopyAs({ commands }: { commands: Commands }) {
  const [open, setOpen] = useState(false);
  const toast = useToast();
  const copy = async (text: string, name: string) => {
    try {
      await navigator.clipboard.writeText(text);
      toast({ title: `Copied for ${name}`, text, variant: 'success' });
    } catch {
      // Browsers may refuse; then it can be copied from the message by hand.
      toast({ title: `For ${name}`, text, variant: 'info' });
    }
  };
  return (
    <Dropdown
      isOpen={open}
      onOpenChange={setOpen}
      onSelect={() => setOpen(false)}
      popperProps={{ position: 'right' }}
      toggle={(ref) => (
        <MenuToggle ref={ref} isExpanded={open} onClick={() => setOpen(!open)} variant="secondary">
          Copy as
        </MenuToggle>
      )}
    >
      <DropdownList>
        <DropdownItem onClick={() => void copy(curl(commands), 'curl')} description={`${commands.method ?? 'GET'} ${commands.path}`}>
          curl
        </DropdownItem>
        {commands.fcrctl === undefined ? null : (
          <DropdownItem onClick={() => void copy('fcrctl ' + commands.fcrctl, 'fcrctl')} description={'fcrctl ' + commands.fcrctl}>
            fcrctl
          </DropdownItem>
        )}
      </DropdownList>
    </Dropdown>
  );
}
