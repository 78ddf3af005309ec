import { Table, Tbody, Td, Tr } from '@patternfly/react-table';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { Link } from 'wouter';
import { query } from '../../api/client';
import { useAlarms } from '../../app/AlarmBadge';
import { plural } from '../../components/format';
import { Problem } from '../../components/Problem';
import { State, type Tone } from '../../components/State';
import { Time } from '../../components/Time';
import { Name } from '../../components/Wwn';
import { useTopic } from '../../live';
import { severityTone } from '../alarms/words';
import { outcomes } from '../changes/steps';
import { Head, Lines, Part } from './Now';
import { capital } from './state';

const mostAlarms = 5;
const mostLines = 6;

/** How an event is marked; what is usual is not. */
const eventTones: Readonly<Record<string, Tone>> = { warning: 'warning', error: 'bad', critical: 'bad' };

/** Alarms are what is wrong, before anything else. Without any there is nothing to say: the sentence has said it. */
export function Alarms() {
  const { present, error, data, refetch } = useAlarms();
  if (data === undefined && error !== null) return <Problem error={error} again={() => void refetch()} title="The alarms could not be read" />;
  if (present.length === 0) return null;
  return (
    <Part title="Alarms" to="/alarms" more="All alarms">
      <Table aria-label="Alarms" variant="compact" borders={false} className="fcr-numbers fcr-part-table">
        <Head columns={[['Severity'], ['Alarm'], ['What follows from it'], ['Since']]} />
        <Tbody>
          {present.slice(0, mostAlarms).map((a) => (
            <Tr key={a.id}>
              <Td dataLabel="Severity">
                <State tone={severityTone[a.severity]} text={capital(a.severity)} />
              </Td>
              <Td dataLabel="Alarm">
                <Link href={`/alarms?open=${encodeURIComponent(a.id)}`}>{capital(a.title)}</Link>
                {a.subject === undefined ? null : (
                  <>
                    {' '}
                    <Name name={a.subject} />
                  </>
                )}
                <div className="fcr-subtle fcr-mono fcr-alarm-code">{a.code}</div>
              </Td>
              <Td dataLabel="What follows from it">{capital(a.consequence)}.</Td>
              <Td dataLabel="Since" modifier="nowrap">
                <Time at={a.raised_at ?? a.first_seen} relative />
                {a.acknowledged === undefined ? null : <div className="fcr-subtle">acknowledged</div>}
              </Td>
            </Tr>
          ))}
        </Tbody>
      </Table>
      {present.length > mostAlarms ? <Link href="/alarms">{`and ${plural(present.length - mostAlarms, 'more alarm')}`}</Link> : null}
    </Part>
  );
}

/** Changes are the last revisions of the configuration. */
export function Changes() {
  const { data, error, refetch } = query.useQuery('get', '/api/v1/change/history', { params: { query: { limit: mostLines } } }, { refetchInterval: 30_000 });
  const client = useQueryClient();
  const { at } = useTopic('change');
  useEffect(() => {
    if (at !== undefined) void client.invalidateQueries({ queryKey: ['get', '/api/v1/change/history'] });
  }, [at, client]);
  return (
    <Part title="Last changes" to="/changes" more="All changes">
      {data === undefined && (error === null ? <Lines /> : <Problem error={error} again={() => void refetch()} />)}
      {data?.items.length === 0 && <p className="fcr-subtle">Nothing was changed yet.</p>}
      {data !== undefined && data.items.length > 0 && (
        <Table aria-label="Last changes" variant="compact" borders={false} className="fcr-numbers fcr-part-table">
          <Head columns={[['Revision'], ['By'], ['Outcome'], ['When']]} />
          <Tbody>
            {data.items.map((r) => (
              <Tr key={`${r.revision} ${r.applied}`}>
                <Td dataLabel="Revision">
                  {r.revision}
                  {r.note === undefined || r.note === '' ? null : (
                    <div className="fcr-subtle">
                      <Name name={r.note} />
                    </div>
                  )}
                </Td>
                <Td dataLabel="By">
                  <Name name={r.by} />
                </Td>
                <Td dataLabel="Outcome">
                  <State tone={outcomes[r.outcome].tone} text={capital(outcomes[r.outcome].text)} title={r.why} />
                </Td>
                <Td dataLabel="When" modifier="nowrap">
                  <Time at={r.applied} relative />
                </Td>
              </Tr>
            ))}
          </Tbody>
        </Table>
      )}
    </Part>
  );
}

/** Events are what happened last. */
export function Events() {
  const { data, error, refetch } = query.useQuery('get', '/api/v1/events', { params: { query: { limit: mostLines } } }, { refetchInterval: 10_000 });
  return (
    <Part title="Last events" to="/events" more="All events">
      {data === undefined && (error === null ? <Lines /> : <Problem error={error} again={() => void refetch()} />)}
      {data?.items.length === 0 && <p className="fcr-subtle">Nothing has happened yet.</p>}
      {data !== undefined && data.items.length > 0 && (
        <Table aria-label="Last events" variant="compact" borders={false} className="fcr-numbers fcr-part-table">
          <Head columns={[['When'], ['What happened']]} />
          <Tbody>
            {data.items.map((e) => {
              const tone = eventTones[e.severity];
              return (
                <Tr key={e.number}>
                  <Td dataLabel="When" modifier="nowrap">
                    <Time at={e.at} relative />
                  </Td>
                  <Td dataLabel="What happened">
                    {tone === undefined ? null : (
                      <>
                        <State tone={tone} text={capital(e.severity)} />{' '}
                      </>
                    )}
                    <Name name={e.text} />
                  </Td>
                </Tr>
              );
            })}
          </Tbody>
        </Table>
      )}
    </Part>
  );
}
