import { Nav, NavGroup, NavItem, PageSidebar, PageSidebarBody } from '@patternfly/react-core';
import { Link, useLocation } from 'wouter';
import { groups, type Route } from './routes';

/** Sidebar offers the pages that the account may see. */
export function Sidebar({ routes }: { routes: readonly Route[] }) {
  const [path] = useLocation();
  return (
    <PageSidebar>
      <PageSidebarBody>
        <Nav aria-label="Pages">
          {groups.map((group) => {
            const pages = routes.filter((r) => r.group === group && r.path !== '/account');
            if (pages.length === 0) return null;
            return (
              <NavGroup key={group} title={group}>
                {pages.map((r) => (
                  <NavItem key={r.path} isActive={path === r.path} itemId={r.path}>
                    <Link href={r.path} aria-current={path === r.path ? 'page' : undefined}>
                      {r.title}
                    </Link>
                  </NavItem>
                ))}
              </NavGroup>
            );
          })}
        </Nav>
      </PageSidebarBody>
    </PageSidebar>
  );
}
