import { ExpandableSection, TextInput } from '@patternfly/react-core';
import { useId, useState } from 'react';
import { api, query } from '../../api/client';
import { asProblem } from '../../api/problem';
import { Field } from '../../components/Field';
import { FormModal } from '../../components/FormModal';
import { startOf, usual, type Draft } from './words';

const numbers: Partial<Record<keyof Draft, string>> = { seconds: 'must be a whole number of seconds', frames: 'must be a whole number', mib: 'must be a whole number of MiB', snap: 'must be a whole number of bytes', vsan: 'must be a whole number' };

/** Where the appliance says that a field of the form is wrong. */
const locations: Partial<Record<keyof Draft, string>> = {
  flow: 'body/filter/flow',
  ports: 'body/filter/ports',
  first: 'body/filter/ends',
  types: 'body/filter/types',
  verdicts: 'body/filter/verdicts',
  vsan: 'body/filter/vsan',
  seconds: 'body/limits/seconds',
  frames: 'body/limits/frames',
  mib: 'body/limits/bytes',
  snap: 'body/snap_length',
  note: 'body/note',
};

interface TextProps {
  name: keyof Draft;
  label: string;
  help?: string;
  draft: Draft;
  set: (d: Draft) => void;
  error: unknown;
  wrong: keyof Draft | undefined;
}

function Text({ name, label, help, draft, set, error, wrong }: TextProps) {
  const id = useId();
  const at = locations[name];
  const said = error === undefined || at === undefined ? undefined : asProblem(error).fields?.find((f) => f.location.startsWith(at))?.message;
  const message = wrong === name ? numbers[name] : said;
  return (
    <Field id={id} label={label} error={message} help={help}>
      <TextInput id={id} value={draft[name]} onChange={(_, v) => set({ ...draft, [name]: v })} validated={message === undefined ? 'default' : 'error'} maxLength={name === 'note' ? 256 : 512} />
    </Field>
  );
}

/** Start asks which frames, and when it is enough. */
export function Start({ flow, port, onClose, onStarted }: { flow: string; port: string; onClose: () => void; onStarted: (id: string) => void }) {
  const [draft, set] = useState<Draft>({ ...usual, flow, ports: port });
  const [more, setMore] = useState(false);
  const ports = query.useQuery('get', '/api/v1/ports', { params: { query: { limit: 100 } } });
  const start = startOf(draft);
  const wrong = 'wrong' in start ? start.wrong : undefined;
  const submit = async () => {
    if ('wrong' in start) return;
    const { data } = await api.POST('/api/v1/captures', { body: start.body });
    if (data !== undefined) onStarted(data.id);
  };
  return (
    <FormModal
      title="Start a capture"
      text="The data plane copies the frames that are wanted, within a budget that leaves its own work alone: what is beyond it is counted as missed."
      action="Start"
      incomplete={wrong !== undefined}
      onSubmit={submit}
      onClose={onClose}
    >
      {(error) => {
        const field = { draft, set, error, wrong };
        return (
          <>
            <Text name="flow" label="Flow" help="The id of a flow, both directions. Empty: not only one." {...field} />
            <Text name="ports" label="Ports" help={`Received on these. There are ${ports.data?.items.map((p) => p.name).join(', ') ?? '…'}. Empty: all.`} {...field} />
            <ExpandableSection toggleText={more ? 'Fewer conditions' : 'More conditions'} isExpanded={more} onToggle={(_, v) => setMore(v)}>
              <div className="fcr-stack">
                <Text name="first" label="One end" help="Alias, WWPN or FC_ID" {...field} />
                <Text name="second" label="Other end" help="Alias, WWPN or FC_ID. Empty: whoever talks to the first" {...field} />
                <Text name="types" label="Types" help="fcp, els, ct, bls, nvme, or numbers as 0x08" {...field} />
                <Text name="verdicts" label="Fates" help="What became of the frame: forwarded, steered, dropped, …" {...field} />
                <Text name="vsan" label="VSAN" help="0: without a tag" {...field} />
                <Text name="snap" label="Bytes of each frame" help="Empty: all of it. 128 has all headers, and nothing of what was stored." {...field} />
              </div>
            </ExpandableSection>
            <Text name="seconds" label="Seconds at most" {...field} />
            <Text name="mib" label="MiB at most" {...field} />
            <Text name="frames" label="Frames at most" help="Empty: no limit" {...field} />
            <Text name="note" label="Note" help="What for" {...field} />
          </>
        );
      }}
    </FormModal>
  );
}
