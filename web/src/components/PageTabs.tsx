import { Tab, Tabs, TabTitleText } from '@patternfly/react-core';
import type { ReactNode } from 'react';
import './filters.css';

interface PageTab {
  id: string;
  title: string;
  render: () => ReactNode;
}

/** PageTabs are parts of a page; which one is shown is the caller's to keep, in the URL. What is not shown is not there and asks nothing. */
export function PageTabs({ label, tabs, shown, onShow }: { label: string; tabs: readonly PageTab[]; shown: string; onShow: (id: string) => void }) {
  const active = tabs.some((t) => t.id === shown) ? shown : (tabs[0]?.id ?? '');
  return (
    <Tabs aria-label={label} activeKey={active} onSelect={(_, key) => onShow(String(key))} mountOnEnter unmountOnExit role="region">
      {tabs.map((t) => (
        <Tab key={t.id} eventKey={t.id} title={<TabTitleText>{t.title}</TabTitleText>}>
          <div className="fcr-tab">{t.id === active && t.render()}</div>
        </Tab>
      ))}
    </Tabs>
  );
}
