import { List, ListItem, Title } from '@patternfly/react-core';
import { useMemo } from 'react';
import { query } from '../../api/client';
import { useCan } from '../../app/session';
import { duration, plural } from '../../components/format';
import { Problem } from '../../components/Problem';
import { State } from '../../components/State';
import { Time } from '../../components/Time';
import { useNow } from '../../live';
import { asked, downSeconds, flipsOf, stretchesOf, type Stretch } from './history';

const dayMs = 86_400_000;
const flipsShown = 10;
const words = { up: 'up', down: 'down', unknown: 'not known' };

/** Strip is the day as a strip: each stretch as long as it took. The words below say the same. */
function Strip({ stretches, from, to }: { stretches: readonly Stretch[]; from: number; to: number }) {
  return (
    <div className="fcr-strip" aria-hidden="true">
      {stretches.map((s) => (
        <div key={s.from} className={`fcr-strip-${s.state}`} style={{ flexGrow: Math.max(0.001, (s.to - s.from) / (to - from)) }} title={`${words[s.state]} for ${duration((s.to - s.from) / 1000)}`} />
      ))}
    </div>
  );
}

/** HealthHistory is how a service was in the last 24 hours, by the events of it. */
export function HealthHistory({ name }: { name: string }) {
  const may = useCan('event.read');
  const minute = useNow(60_000);
  const events = query.useQuery(
    'get',
    '/api/v1/events',
    { params: { query: { type: ['service.up', 'service.down'], ...asked(name) } } },
    { enabled: may, refetchInterval: 10_000 },
  );
  const flips = useMemo(() => flipsOf(name, events.data?.items ?? []), [name, events.data]);
  const to = Math.max(minute, Date.parse(flips[0]?.at ?? '') || 0);
  const from = to - dayMs;
  const stretches = useMemo(() => stretchesOf(flips, from, to), [flips, from, to]);
  if (!may) return null;
  const lately = flips.filter((f) => Date.parse(f.at) >= from);
  const down = downSeconds(stretches);
  return (
    <section className="fcr-stack" aria-labelledby="health-title">
      <Title headingLevel="h3" size="md" id="health-title">
        Health in the last 24 hours
      </Title>
      {events.error !== null && <Problem error={events.error} again={() => void events.refetch()} />}
      {events.data === undefined ? null : (
        <>
          <Strip stretches={stretches} from={from} to={to} />
          <p>
            {lately.length === 0 ? 'It neither came nor went. ' : `It came or went ${lately.length === 1 ? 'once' : plural(lately.length, 'time')}. `}
            {down === 0 ? 'It was not seen down.' : `It was down for ${duration(down)} in all.`}
            {stretches[0]?.state === 'unknown' ? ' How it was before the first event is not known.' : ''}
            {events.data.partial === undefined ? '' : ` ${events.data.partial}`}
          </p>
          {lately.length === 0 ? null : (
            <List isPlain aria-label="When it came or went">
              {lately.slice(0, flipsShown).map((f) => (
                <ListItem key={f.number}>
                  <State tone={f.up ? 'good' : 'bad'} text={f.up ? 'came up' : 'went down'} /> <Time at={f.at} />
                </ListItem>
              ))}
            </List>
          )}
          {lately.length > flipsShown ? <p className="fcr-subtle">{plural(lately.length - flipsShown, 'earlier one is', 'earlier ones are')} on the page of events.</p> : null}
        </>
      )}
    </section>
  );
}
