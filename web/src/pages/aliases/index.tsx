import { Button, Flex } from '@patternfly/react-core';
import PlusIcon from '@patternfly/react-icons/dist/esm/icons/plus-icon';
import { useState } from 'react';
import { useCan } from '../../app/session';
import { Page } from '../../components/Page';
import { PageTabs } from '../../components/PageTabs';
import { PendingLine } from '../../components/Pending';
import { useEditing } from '../../components/usePending';
import { useUrlState } from '../../components/useUrlState';
import { AliasForm } from './AliasForm';
import './aliases.css';
import { Import } from './Import';
import { AliasTab, SetTab } from './NameTabs';
import { SetForm } from './SetForm';
import { useNames } from './useNames';

const usual = { tab: 'aliases', search: '', sort: 'name', new: '', wwpn: '' };

/** Aliases: what people call the ports, and sets of them. */
export default function Aliases() {
  const [state, set] = useUrlState(usual);
  const [importing, setImporting] = useState(false);
  const names = useNames();
  const may = { alias: useCan('alias.write'), set: useCan('set.write'), sets: useCan('set.read') };
  const editing = { alias: useEditing('alias.write', 'pending'), set: useEditing('set.write', 'pending') };
  const onSets = state.tab === 'sets' && may.sets;
  const open = (wwpn = '') => set({ new: '1', wwpn });
  const close = () => set({ new: '', wwpn: '' });
  const tab = { names, view: { search: state.search, sort: state.sort }, onView: (v: { search?: string; sort?: string }) => set(v), onNew: open };
  const button = (text: string) => (
    <Button icon={<PlusIcon />} onClick={() => open()}>
      {text}
    </Button>
  );
  const tabs = [
    {
      id: 'aliases',
      title: 'Aliases',
      render: () => (
        <AliasTab {...tab} offered={editing.alias.offered}>
          {editing.alias.offered && (
            <Flex gap={{ default: 'gapSm' }}>
              {button('Name a WWPN')}
              <Button variant="secondary" onClick={() => setImporting(true)} isDisabled={names.aliases.data === undefined}>
                Import
              </Button>
            </Flex>
          )}
        </AliasTab>
      ),
    },
    { id: 'sets', title: 'Sets', render: () => <SetTab {...tab} offered={editing.set.offered}>{editing.set.offered && button('Make a set')}</SetTab> },
  ];
  return (
    <Page
      title="Aliases"
      text="What people call the ports. An edit is pending until it is applied."
      commands={onSets ? { path: '/api/v1/sets?limit=1000', fcrctl: 'set list' } : { path: '/api/v1/aliases?limit=1000', fcrctl: 'alias list' }}
    >
      <PendingLine on="pending" blocked={editing.alias.blocked ?? editing.set.blocked} />
      <PageTabs label="Aliases and sets" shown={state.tab} onShow={(id) => set({ tab: id, search: '', sort: 'name' })} tabs={tabs.filter((t) => t.id !== 'sets' || may.sets)} />
      {state.new !== '' && !onSets && may.alias && <AliasForm wwpn={state.wwpn} onClose={close} />}
      {state.new !== '' && onSets && may.set && <SetForm aliases={names.aliases.data ?? []} onClose={close} />}
      {importing && <Import aliases={names.aliases.data ?? []} onClose={() => setImporting(false)} />}
    </Page>
  );
}
