import { Alert, Button, Card, CardBody, Title } from '@patternfly/react-core';
import { useEffect, useMemo, useRef } from 'react';
import { Chart, withGaps, type ChartData, type Line } from '../../components/Chart';
import { count, perSecond } from '../../components/format';
import { now, useSamples } from '../../live';
import { consumerText } from '../../live/history-rings';
import { ringColumns, stateOf, type Ring } from './rings';

const windowS = 600;
const depthLines: readonly Line[] = [{ label: 'Depth', format: count, filled: true }];
const rateLines: readonly Line[] = [
  { label: 'Enqueued', format: perSecond },
  { label: 'Processed', format: perSecond, dashed: true },
];

/** RingCharts is one ring over the last ten minutes: how deep it was, and what came in and went out. */
export function RingCharts({ name, ring, filledBy, onClose }: { name: string; ring: Ring; filledBy: string; onClose: () => void }) {
  const samples = useSamples();
  const at = useRef<HTMLElement>(null);
  useEffect(() => {
    at.current?.scrollIntoView({ block: 'nearest' });
  }, [name]);
  const [depth, rates] = useMemo<[ChartData, ChartData]>(() => {
    const [times, deep, into, out] = withGaps(ringColumns(samples, name), 1);
    return [
      [times, deep ?? []],
      [times, into ?? [], out ?? []],
    ];
  }, [samples, name]);
  const newest = samples.at(-1);
  const to = (newest === undefined ? now() : Date.parse(newest.at)) / 1000;
  const state = stateOf(ring);
  return (
    <section ref={at} className="fcr-stack" aria-label={`Ring ${name}`}>
      <div className="fcr-queues-head">
        <Title headingLevel="h3" size="md">
          {`${name}: ${consumerText(ring.consumer).toLowerCase()}, from ${filledBy}`}
        </Title>
        <Button variant="link" isInline onClick={onClose}>
          Close
        </Button>
      </div>
      {state.tone === 'good' ? null : (
        <Alert isInline variant={state.tone === 'bad' ? 'danger' : 'warning'} title={state.text}>
          {state.more}
        </Alert>
      )}
      <div className="fcr-grid">
        <Card isCompact>
          <CardBody>
            <Chart title="Depth" headingLevel="h3" lines={depthLines} data={depth} live from={to - windowS} to={to} max={10} />
          </CardBody>
        </Card>
        <Card isCompact>
          <CardBody>
            <Chart title="In and out" headingLevel="h3" lines={rateLines} data={rates} live from={to - windowS} to={to} max={1} />
          </CardBody>
        </Card>
      </div>
    </section>
  );
}
