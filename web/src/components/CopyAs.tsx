import { Dropdown, DropdownItem, DropdownList, MenuToggle } from '@patternfly/react-core';
import { useState } from 'react';
import { quote } from './quote';
import { useToast } from './Toasts';

/** What a page asks: a path with its query, and the same for fcrctl. */
export interface Commands {
  /** '/api/v1/flows?limit=100' */
  path: string;
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  body?: unknown;
  /** Without the program's name: 'flow list --state active'. Each word that needs it is quoted by the caller with quote. */
  fcrctl?: string;
}

export { quote };

/** curl is the command for a shell; the token stays in its file, so that it is in no history. */
export function curl({ path, method = 'GET', body }: Commands, origin = location.origin): string {
  const parts = ['curl', '--cacert certificate.pem', '--oauth2-bearer "$(cat token)"'];
  if (method !== 'GET') parts.push(`--request ${method}`);
  if (body !== undefined) parts.push(`--json ${quote(JSON.stringify(body))}`);
  parts.push(quote(origin + path));
  return parts.join(' ');
}

/** query makes a query string of what is set. */
export function search(params: Record<string, string | number | boolean | undefined>): string {
  const q = new URLSearchParams();
  for (const [k, v] of Object.entries(params)) if (v !== undefined && v !== '') q.set(k, String(v));
  const text = q.toString();
  return text === '' ? '' : '?' + text;
}

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
