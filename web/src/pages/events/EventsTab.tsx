import { Alert, Button, Drawer, DrawerContent, DrawerContentBody, EmptyState, EmptyStateBody, Flex, FlexItem, Skeleton } from '@patternfly/react-core';
import PauseIcon from '@patternfly/react-icons/dist/esm/icons/pause-icon';
import PlayIcon from '@patternfly/react-icons/dist/esm/icons/play-icon';
import { useMemo, useRef, useState } from 'react';
import { count, plural } from '../../components/format';
import { Problem } from '../../components/Problem';
import { EventFilters } from './EventFilters';
import { EventPanel } from './EventPanel';
import { EventTable } from './EventTable';
import { matchOf, queryOf, withMatch } from './filter';
import { keep } from './tail';
import { useOlder } from './useOlder';
import { useTail } from './useTail';
import type { RecordsView } from './view';

/** Bar says whether the list moves, and has it go on. */
function Bar({ live, held, paused, newer, shown, onPause, onGo }: { live: boolean; held: boolean; paused: boolean; newer: number; shown: number; onPause: () => void; onGo: () => void }) {
  const state = !live ? `${count(shown)} shown, up to the time above` : !held ? `${count(shown)} shown, live` : newer === 0 ? 'Held; nothing new yet' : `Held; ${newer > keep ? `more than ${count(keep)} newer events` : plural(newer, 'newer event')}`;
  return (
    <Flex alignItems={{ default: 'alignItemsCenter' }} gap={{ default: 'gapMd' }} className="fcr-events-bar">
      <FlexItem grow={{ default: 'grow' }} className="fcr-subtle">
        {state}
      </FlexItem>
      {live && !held && (
        <Button variant="secondary" size="sm" icon={<PauseIcon />} onClick={onPause}>
          Pause
        </Button>
      )}
      {live && held && (
        <Button variant="secondary" size="sm" icon={<PlayIcon />} onClick={onGo}>
          {paused ? 'Go on' : 'Show the newest'}
        </Button>
      )}
    </Flex>
  );
}

/** EventsTab is what happened, as it happens. */
export function EventsTab({ view, set }: { view: RecordsView; set: (c: Partial<RecordsView>, push?: boolean) => void }) {
  const [paused, setPaused] = useState(false);
  const [away, setAway] = useState(false);
  const scroller = useRef<HTMLDivElement>(null);
  const q = useMemo(() => queryOf(view), [view]);
  const live = q.until === undefined;
  const older = useOlder(q);
  const held = paused || away || older.items.length > 0;
  const tail = useTail(q, live, held);
  const events = useMemo(() => [...tail.items, ...older.items], [tail.items, older.items]);
  const oldest = events.at(-1);
  const go = () => {
    older.clear();
    setPaused(false);
    setAway(false);
    scroller.current?.scrollTo({ top: 0 });
  };
  const foot = oldest !== undefined && (
    <div className="fcr-foot fcr-events-foot">
      {older.error !== undefined && <Problem error={older.error} />}
      {older.end || tail.items.length + older.items.length === 0 ? (
        <span className="fcr-subtle">The log has no older ones</span>
      ) : (
        <Button variant="link" isLoading={older.loading} isDisabled={older.loading} onClick={() => void older.load(oldest)}>
          Show older events
        </Button>
      )}
    </div>
  );
  const panel = view.open === '' ? null : (
    <EventPanel
      key={view.open}
      number={view.open}
      known={events.find((e) => String(e.number) === view.open)}
      onClose={() => set({ open: '' })}
      onType={(type) => set({ type })}
      onMatch={(field, value) => set({ match: withMatch(view.match, matchOf(field, value)) })}
    />
  );
  return (
    <Drawer isExpanded={view.open !== ''}>
      <DrawerContent panelContent={panel}>
        <DrawerContentBody>
          <EventFilters view={view} set={set} />
          {tail.error !== undefined && <Problem error={tail.error} again={tail.again} />}
          {tail.partial !== undefined && <Alert isInline isPlain variant="warning" title={`Older events may be missing: ${tail.partial}`} />}
          {!tail.loaded && tail.error === undefined && <Skeleton height="12rem" screenreaderText="Loading" />}
          {tail.loaded && <Bar live={live} held={held} paused={paused} newer={tail.newer} shown={events.length} onPause={() => setPaused(true)} onGo={go} />}
          {tail.loaded && events.length === 0 && (
            <EmptyState titleText="No such events" headingLevel="h2" variant="sm">
              <EmptyStateBody>{live ? 'What happens from now on shows here. A wider filter finds more of what was.' : 'Nothing happened that fits. Choose a later time, or a wider filter.'}</EmptyStateBody>
            </EmptyState>
          )}
          {events.length > 0 && <EventTable events={events} openKey={view.open} onOpen={(e) => set({ open: String(e.number) }, view.open === '')} onScrolled={setAway} scroller={scroller} foot={foot} />}
        </DrawerContentBody>
      </DrawerContent>
    </Drawer>
  );
}
