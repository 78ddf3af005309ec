import { FormSelect, FormSelectOption, Radio, TextArea, TextInput } from '@patternfly/react-core';
import { useState } from 'react';
import { api } from '../../api/client';
import { now } from '../../live';
import { Field } from '../../components/Field';
import { fromField, toField } from '../../components/Filters';
import { FormModal } from '../../components/FormModal';
import { fieldMessage } from '../../components/Problem';
import { subjectOf } from './subject';
import type { Alarm } from './words';

type Scope = 'this' | 'code' | 'subject';

const periods = [
  { label: '1 hour', hours: 1 },
  { label: '4 hours', hours: 4 },
  { label: '1 day', hours: 24 },
  { label: '7 days', hours: 168 },
  { label: 'Until a time of mine', hours: 0 },
];

/** MuteDialog mutes an alarm, or all like it. It wants a reason: later somebody wonders why nobody was told. */
export function MuteDialog({ alarm, onDone, onClose }: { alarm: Alarm; onDone: () => void; onClose: () => void }) {
  const [scope, setScope] = useState<Scope>('this');
  const [reason, setReason] = useState('');
  const [hours, setHours] = useState(1);
  const [until, setUntil] = useState(() => new Date(now() + 3_600_000).toISOString());
  const subject = subjectOf(alarm.subject);
  const about = { ...(scope === 'subject' ? {} : { code: alarm.code }), ...(scope === 'code' || alarm.subject === undefined ? {} : { subject: alarm.subject }) };
  const scopes: [Scope, string][] = [
    ['this', `${alarm.code} of ${subject.text}`],
    ['code', `Every ${alarm.code}`],
    ['subject', `Every alarm of ${subject.text}, and of what is below it`],
  ];
  return (
    <FormModal
      title="Mute alarms"
      text="Muted alarms stay in the list, and webhooks are not told of them. What is still wrong when the mute ends is told then."
      action="Mute"
      incomplete={reason.trim() === '' || (hours === 0 && until === '')}
      onClose={onClose}
      onSubmit={async () => {
        const end = hours === 0 ? until : new Date(now() + hours * 3_600_000).toISOString();
        await api.POST('/api/v1/alarms/mutes', { body: { ...about, reason: reason.trim(), until: end } });
        onDone();
      }}
    >
      {(error) => (
        <>
          <Field id="scope-this" label="What">
            {scopes
              .filter(([s]) => s !== 'subject' || alarm.subject !== undefined)
              .map(([s, text]) => (
                <Radio key={s} id={`scope-${s}`} name="scope" label={text} isChecked={scope === s} onChange={() => setScope(s)} />
              ))}
          </Field>
          <Field id="hours" label="For" error={fieldMessage(error, 'until')}>
            <FormSelect id="hours" value={hours} onChange={(_, v) => setHours(Number(v))}>
              {periods.map((p) => (
                <FormSelectOption key={p.hours} value={p.hours} label={p.label} />
              ))}
            </FormSelect>
            {hours === 0 && <TextInput aria-label="Until" type="datetime-local" value={toField(until)} onChange={(_, v) => setUntil(fromField(v))} />}
          </Field>
          <Field id="reason" label="Reason" required error={fieldMessage(error, 'reason')} help="For whoever wonders why nobody was told.">
            <TextArea id="reason" value={reason} maxLength={400} rows={2} resizeOrientation="vertical" isRequired onChange={(_, v) => setReason(v)} />
          </Field>
        </>
      )}
    </FormModal>
  );
}
