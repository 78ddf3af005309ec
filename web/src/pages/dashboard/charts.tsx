import { Card, CardBody } from '@patternfly/react-core';
import { useMemo } from 'react';
import { LiveChart, type LiveLine } from '../../components/LiveChart';
import { shareOf, sidesOf, throughputOf } from '../../components/LiveChartPorts';
import { micros, share } from '../../components/format';
import type { LiveSample } from '../../live';
import type { Span } from '../../live/history-join';
import { usePorts, useServices } from './facts';
import { worst } from './latency';

const latencyLine = (label: string, of: 'latency_p50_us' | 'latency_p99_us' | 'latency_p9999_us'): LiveLine => ({ label, format: micros, live: (s: LiveSample) => worst(s, of) });
const latencyLines: LiveLine[] = [latencyLine('p50', 'latency_p50_us'), latencyLine('p99', 'latency_p99_us'), latencyLine('p99.99', 'latency_p9999_us')];

/** Charts are how much crosses the appliance, how much of it is redirected, and how long it takes. */
export function Charts({ span }: { span: Span }) {
  const ports = usePorts().data?.items;
  const services = useServices().data?.items;
  // What the charts are made of changes when ports or services do, and not with each answer.
  const key = JSON.stringify(sidesOf(ports ?? [], services ?? []));
  const sides = useMemo(() => sidesOf(ports ?? [], services ?? []), [key]);
  const throughput = useMemo(() => throughputOf(sides), [sides]);
  const redirected = useMemo(() => shareOf(sides, share), [sides]);
  return (
    <div className="fcr-dashboard-charts">
      <Card isCompact>
        <CardBody>
          <LiveChart title="Throughput" span={span} {...throughput} />
        </CardBody>
      </Card>
      <Card isCompact>
        <CardBody>
          <LiveChart title="Redirected share" span={span} {...redirected} max={0.1} />
        </CardBody>
      </Card>
      <Card isCompact>
        <CardBody>
          <LiveChart title="Latency" span={span} lines={latencyLines} note="From receive to send, of the slowest lcore." />
        </CardBody>
      </Card>
    </div>
  );
}
