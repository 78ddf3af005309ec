import {
  Button,
  Dropdown,
  DropdownItem,
  DropdownList,
  Divider,
  Label,
  Masthead as Bar,
  MastheadBrand,
  MastheadContent,
  MastheadLogo,
  MastheadMain,
  MastheadToggle,
  MenuToggle,
  PageToggleButton,
  Toolbar,
  ToolbarContent,
  ToolbarGroup,
  ToolbarItem,
} from '@patternfly/react-core';
import { BarsIcon, HelpIcon } from '@patternfly/react-icons';
import { useState } from 'react';
import { Link, useLocation } from 'wouter';
import { query } from '../api/client';
import { Logo } from '../components/Logo';
import { AlarmBadge } from './AlarmBadge';
import { LiveLabel } from './LiveLabel';
import { useSession } from './session';
import { setTheme, useTheme, type Theme } from './theme';

const themes: readonly [Theme, string][] = [
  ['system', 'As the system'],
  ['light', 'Light'],
  ['dark', 'Dark'],
];

function UserMenu() {
  const { me, signOut } = useSession();
  const [open, setOpen] = useState(false);
  const [, go] = useLocation();
  const theme = useTheme();
  return (
    <Dropdown
      isOpen={open}
      onOpenChange={setOpen}
      onSelect={() => setOpen(false)}
      popperProps={{ position: 'right' }}
      toggle={(ref) => (
        <MenuToggle ref={ref} isExpanded={open} onClick={() => setOpen(!open)} variant="plainText" aria-label={`Account ${me.name}, ${me.role}`}>
          {me.name}
        </MenuToggle>
      )}
    >
      <DropdownList>
        <DropdownItem isDisabled description="Your role">
          {me.role}
        </DropdownItem>
        <DropdownItem onClick={() => go('/account')}>My account</DropdownItem>
        <Divider component="li" />
        {themes.map(([value, text]) => (
          <DropdownItem key={value} isSelected={theme === value} onClick={() => setTheme(value)}>
            {text}
          </DropdownItem>
        ))}
        <Divider component="li" />
        <DropdownItem onClick={() => void signOut()}>Sign out</DropdownItem>
      </DropdownList>
    </Dropdown>
  );
}

/** Masthead: where one is, whether what is shown is live, what is wrong, and who one is. */
export function Masthead({ onHelp }: { onHelp: () => void }) {
  const { data } = query.useQuery('get', '/api/v1', {}, { staleTime: 60_000 });
  return (
    <Bar>
      <MastheadMain>
        <MastheadToggle>
          <PageToggleButton isHamburgerButton aria-label="Pages" variant="plain">
            <BarsIcon />
          </PageToggleButton>
        </MastheadToggle>
        <MastheadBrand>
          <MastheadLogo component={(props) => <Link href="/" {...props} />} aria-label="FC-Redirect, to the dashboard">
            <Logo />
          </MastheadLogo>
        </MastheadBrand>
      </MastheadMain>
      <MastheadContent>
        <Toolbar isStatic>
          <ToolbarContent>
            <ToolbarItem>{data?.node !== undefined && <Label variant="outline">{data.node}</Label>}</ToolbarItem>
            <ToolbarGroup align={{ default: 'alignEnd' }} variant="action-group-plain">
              <ToolbarItem>
                <LiveLabel />
              </ToolbarItem>
              <ToolbarItem>
                <AlarmBadge />
              </ToolbarItem>
              <ToolbarItem>
                <Button variant="plain" aria-label="Help" icon={<HelpIcon />} onClick={onHelp} />
              </ToolbarItem>
              <ToolbarItem>
                <UserMenu />
              </ToolbarItem>
            </ToolbarGroup>
          </ToolbarContent>
        </Toolbar>
      </MastheadContent>
    </Bar>
  );
}
