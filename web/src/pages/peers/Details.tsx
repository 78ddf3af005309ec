import { DescriptionList } from '@patternfly/react-core';
import type { Schema } from '../../api/client';
import { Bar } from '../../components/Bar';
import { DataTable, type Column } from '../../components/DataTable';
import { Fact, Part } from '../../components/Facts';
import { bytes, count, micros, share } from '../../components/format';
import { State } from '../../components/State';
import { Time } from '../../components/Time';
import { pairOf, savingOf, stageText, type Peer } from './words';

/** Savings is what each stage leaves of what would have been sent. */
function Savings({ peer }: { peer: Peer }) {
  const most = Math.max(1, ...peer.savings.map((s) => s.bytes));
  return (
    <Part title="What encoding saves">
      <p>
        {count(peer.sent.records)} changes went in {count(peer.sent.frames)} messages with {bytes(peer.sent.bytes)}: {share(savingOf(peer.savings))} less than each by itself.
      </p>
      <DescriptionList isCompact className="fcr-space">
        {peer.savings.map((s) => (
          <Fact key={s.name} term={stageText(s.name)}>
            <Bar part={s.bytes / most} warnAt={2} /> {bytes(s.bytes)}
          </Fact>
        ))}
      </DescriptionList>
    </Part>
  );
}

const waitColumns: Column<Schema['PeerWait']>[] = [
  { id: 'lane', title: 'Lane', render: (w) => w.lane },
  { id: 'count', title: 'Changes', number: true, render: (w) => count(w.count) },
  { id: 'p50', title: 'Median wait', number: true, render: (w) => micros(w.p50_ms * 1000) },
  { id: 'p99', title: '99 % within', number: true, render: (w) => micros(w.p99_ms * 1000) },
];

const streamColumns: Column<Schema['PeerStream']>[] = [
  { id: 'name', title: 'Stream', render: (s) => (s.name === 'state' ? 'Logins, flows, services' : 'Counts of flows') },
  { id: 'records', title: 'Records here', number: true, render: (s) => count(s.records) },
  { id: 'version', title: 'Has come to', number: true, render: (s) => count(s.version), info: 'The version of its last change that is here' },
  { id: 'known', title: 'Is at', number: true, render: (s) => count(s.known_version), info: 'The version of its last change that this node has heard of' },
  { id: 'held', title: 'Wait for others', number: true, render: (s) => count(s.held), info: 'Records that wait for what they depend on' },
  { id: 'acked', title: 'It has of ours', number: true, render: (s) => `${count(s.acked_version)} of ${count(s.our_version)}` },
];

/** Details is one node in full. */
export function Details({ peer }: { peer: Peer }) {
  const { identity, pair } = peer;
  const none = { emptyTitle: 'Nothing yet', empty: 'There is something when nodes have exchanged changes.' };
  return (
    <section aria-label={`Details of ${peer.name}`} className="fcr-stack">
      <div className="fcr-grid">
        {pair !== undefined && (
          <Part title="Inline pair">
            <DescriptionList isHorizontal isCompact>
              <Fact term="State">
                <State tone={pairOf(pair.state).tone} text={pairOf(pair.state).text} /> since <Time at={pair.since} />. {pairOf(pair.state).more}
              </Fact>
              <Fact term="Because">{pair.because}</Fact>
              <Fact term="With">{pair.with}</Fact>
              <Fact term="Partner">
                {pair.partner_heard ? `${pairOf(pair.partner_state).text}, ${pair.partner_ready ? 'ready to take over' : 'not ready to take over'}` : 'gives no sign of life'}
              </Fact>
              <Fact term="Epochs">
                {count(pair.epoch)} here, {count(pair.partner_epoch)} there
              </Fact>
            </DescriptionList>
          </Part>
        )}
        {identity !== undefined && (
          <Part title="Certificate">
            <DescriptionList isHorizontal isCompact>
              <Fact term="Cluster">{identity.cluster}</Fact>
              <Fact term="Valid until">
                <Time at={identity.valid_until} /> {identity.revoked && <State tone="bad" text="revoked" />}
              </Fact>
              <Fact term="SHA-256">
                <span className="fcr-mono fcr-name">{identity.fingerprint}</span>
              </Fact>
              <Fact term="Authority">
                <span className="fcr-mono fcr-name">{identity.authority_fingerprint}</span>
              </Fact>
            </DescriptionList>
          </Part>
        )}
        {peer.savings.length > 0 && <Savings peer={peer} />}
      </div>
      {peer.waits.length > 0 && (
        <Part title="From a change to its message">
          <DataTable label={`Waits of changes to ${peer.name}`} columns={waitColumns} items={peer.waits} keyOf={(w) => w.lane} {...none} />
        </Part>
      )}
      {peer.streams.length > 0 && (
        <Part title="Streams">
          <DataTable label={`Streams of ${peer.name}`} columns={streamColumns} items={peer.streams} keyOf={(s) => s.name} {...none} />
        </Part>
      )}
    </section>
  );
}
