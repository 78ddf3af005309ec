import './dashboard.css';
import { Alert, List, ListItem } from '@patternfly/react-core';
import { SpanPicker, useSpan } from '../../components/LiveChart';
import { Page } from '../../components/Page';
import { useSampleProblem } from '../../live';
import { Charts } from './charts';
import { useVerdict } from './facts';
import { Alarms, Changes, Events } from './Lately';
import { Lcores, Peers, Ports, Rings } from './Now';

const variants = { good: 'success', info: 'info', warning: 'warning', bad: 'danger', neutral: 'custom' } as const;

/** Sentence is the first thing that is read: whether storage traffic is well. */
function Sentence() {
  const { tone, sentence, more } = useVerdict();
  return (
    <Alert isInline isPlain={tone === 'good'} variant={variants[tone]} title={sentence} component="h2" className="fcr-sentence">
      {more.length === 1 ? more[0] : null}
      {more.length > 1 ? (
        <List isPlain>
          {more.map((m) => (
            <ListItem key={m}>{m}</ListItem>
          ))}
        </List>
      ) : null}
    </Alert>
  );
}

/** The dashboard: whether all is well, what is wrong, and then how much goes where. */
export default function Dashboard() {
  const [span, setSpan] = useSpan();
  const problem = useSampleProblem();
  return (
    <Page title="Dashboard" commands={{ path: '/api/v1/samples?limit=1', fcrctl: 'top' }} actions={<SpanPicker span={span} onSpan={setSpan} />}>
      <div className="fcr-stack">
        <Sentence />
        {problem !== undefined && (
          <Alert isInline variant="warning" title="There is no live data">
            {problem.title}. {problem.detail}
          </Alert>
        )}
        <Alarms />
        <Charts span={span} />
        <div className="fcr-dashboard-parts">
          <Ports />
          <Lcores />
          <Rings />
          <Peers />
          <Changes />
          <Events />
        </div>
      </div>
    </Page>
  );
}
