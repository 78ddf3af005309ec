import { Alert, Button, EmptyState, EmptyStateBody, Flex, FlexItem, SearchInput, Skeleton, ToggleGroup, ToggleGroupItem } from '@patternfly/react-core';
import { useCallback, useEffect, useMemo, useRef, useState, type RefObject } from 'react';
import { Link as RouteLink, useLocation } from 'wouter';
import { flags, search } from '../../components/CopyAs';
import { clock, count } from '../../components/format';
import { Page } from '../../components/Page';
import { Problem } from '../../components/Problem';
import { useUrlState } from '../../components/useUrlState';
import { Drawing } from '../../topology/Drawing';
import type { Layout } from '../../topology/layout';
import { Legend } from '../../topology/Legend';
import { build, type Topology } from '../../topology/model';
import { summary } from '../../topology/words';
import { List } from './List';
import { SaveMenu } from './SaveMenu';
import { mostFlows, useSources } from './useSources';

const zooms = [0.25, 0.35, 0.5, 0.7, 0.85, 1, 1.2, 1.5, 2, 2.5, 3] as const;

/** useRoom is how many pixels there are. */
function useRoom(at: RefObject<HTMLDivElement | null>): number | undefined {
  const [room, set] = useState<number>();
  useEffect(() => {
    const holder = at.current;
    if (holder === null) return undefined;
    const watch = new ResizeObserver(() => set(holder.clientWidth));
    watch.observe(holder);
    return () => watch.disconnect();
  }, [at]);
  return room;
}

function Picture({ topology }: { topology: Topology }) {
  const holder = useRef<HTMLDivElement>(null);
  const svg = useRef<SVGSVGElement>(null);
  const room = useRoom(holder);
  const [zoom, setZoom] = useState(1);
  const [look, setLook] = useState<string>();
  const [layout, setLayout] = useState<Layout>();
  const [, go] = useLocation();
  const open = useCallback((href: string) => go(href), [go]);
  const fit = () => {
    if (holder.current === null || layout === undefined) return;
    // As high as the window lets it be: the frame follows the drawing.
    const high = Math.max(parseFloat(getComputedStyle(holder.current).maxBlockSize) || 0, holder.current.clientHeight);
    setZoom(Math.min(3, Math.max(0.2, Math.min(holder.current.clientWidth / layout.width, high / layout.height))));
  };
  return (
    <div className="fcr-stack">
      <Flex gap={{ default: 'gapSm' }} alignItems={{ default: 'alignItemsCenter' }}>
        <FlexItem grow={{ default: 'grow' }}>
          <Legend topology={topology} />
        </FlexItem>
        <Button size="sm" variant="secondary" isDisabled={zoom <= zooms[0]} onClick={() => setZoom([...zooms].reverse().find((z) => z < zoom - 0.01) ?? zoom)}>
          Zoom out
        </Button>
        <Button size="sm" variant="secondary" isDisabled={zoom >= 3} onClick={() => setZoom(zooms.find((z) => z > zoom + 0.01) ?? zoom)}>
          Zoom in
        </Button>
        <Button size="sm" variant="secondary" onClick={fit}>
          Fit
        </Button>
        <SaveMenu svg={svg} layout={layout} />
      </Flex>
      <div ref={holder} className="fcr-topology-room">
        {room === undefined ? null : <Drawing topology={topology} room={room} zoom={zoom} onLook={setLook} onOpen={open} svg={svg} onLayout={setLayout} />}
      </div>
      <p className="fcr-topology-look fcr-subtle" aria-hidden="true">
        {look ?? 'Point at a node or a link to follow it, click to see its flows. By keyboard: Tab, then the arrows, Enter.'}
      </p>
    </div>
  );
}

function Body({ topology, list, text }: { topology: Topology; list: boolean; text: string }) {
  if (topology.flows === 0 && text !== '') {
    return (
      <EmptyState titleText="No flow matches" headingLevel="h2" variant="sm">
        <EmptyStateBody>No host and no target of a flow has this in its alias or WWPN. Aliases are those of the active configuration.</EmptyStateBody>
      </EmptyState>
    );
  }
  return list ? <List topology={topology} /> : <Picture topology={topology} />;
}

/** The topology: who talks to whom, by which ports, and through which services. */
export default function TopologyPage() {
  const [view, setView] = useUrlState({ as: 'picture', text: '' });
  const [typed, setTyped] = useState(view.text);
  const list = view.as === 'list';
  const { sources, live, error, again } = useSources(view.text);
  const topology = useMemo(() => (sources === undefined ? undefined : build(sources)), [sources]);
  const flowsOf = { sort: '-byte_rate', limit: mostFlows, text: view.text };
  return (
    <Page
      title="Topology"
      text={topology === undefined ? 'Hosts, ports, services and targets, and what flows between them.' : summary(topology)}
      commands={{ path: '/api/v1/flows' + search(flowsOf), fcrctl: 'flow list' + flags(flowsOf) }}
      actions={
        <ToggleGroup aria-label="Show as">
          <ToggleGroupItem text="Picture" isSelected={!list} onChange={() => setView({ as: 'picture' })} />
          <ToggleGroupItem text="List" isSelected={list} onChange={() => setView({ as: 'list' })} />
        </ToggleGroup>
      }
    >
      <div className="fcr-stack">
        <Flex gap={{ default: 'gapMd' }} alignItems={{ default: 'alignItemsCenter' }}>
          <div data-search className="fcr-topology-search">
            <SearchInput
              aria-label="Alias or WWPN of a host or target"
              placeholder="Alias or WWPN"
              value={typed}
              onChange={(_, v) => setTyped(v)}
              onSearch={() => setView({ text: typed.trim() })}
              onClear={() => {
                setTyped('');
                setView({ text: '' });
              }}
            />
          </div>
          {topology !== undefined && topology.more > 0 && (
            <RouteLink href={'/flows' + search({ text: view.text })}>and {count(topology.more)} more flows, lighter than these</RouteLink>
          )}
        </Flex>
        {live.problem !== undefined && (
          <Alert isInline variant="warning" title={live.problem.title}>
            {live.problem.detail} {live.at === undefined ? null : `What is shown is of ${clock(live.at)}.`}
          </Alert>
        )}
        {error !== null && <Problem error={error} again={again} {...(topology === undefined ? {} : { title: 'Something could not be read again; it may be old' })} />}
        {topology === undefined ? error === null && <Skeleton height="24rem" screenreaderText="Loading the topology" /> : <Body topology={topology} list={list} text={view.text} />}
      </div>
    </Page>
  );
}
