import { TextArea } from '@patternfly/react-core';
import { useState } from 'react';
import { api } from '../../api/client';
import { fieldMessage } from '../../components/Problem';
import { Field } from '../../components/Field';
import { FormModal } from '../../components/FormModal';
import { subjectOf } from './subject';
import type { Alarm } from './words';

/** Acknowledge says that somebody looks after an alarm. */
export function Acknowledge({ alarm, onDone, onClose }: { alarm: Alarm; onDone: () => void; onClose: () => void }) {
  const [note, setNote] = useState('');
  return (
    <FormModal
      title={`Acknowledge ${alarm.code}, ${subjectOf(alarm.subject).name}`}
      text="All see that you look after it. The acknowledgement ends with the alarm."
      action="Acknowledge"
      onClose={onClose}
      onSubmit={async () => {
        await api.POST('/api/v1/alarms/{id}/acknowledge', { params: { path: { id: alarm.id } }, body: note === '' ? {} : { note } });
        onDone();
      }}
    >
      {(error) => (
        <Field id="note" label="Note" error={fieldMessage(error, 'note')} help="What you know or do about it, for the others.">
          <TextArea id="note" value={note} maxLength={400} rows={3} resizeOrientation="vertical" onChange={(_, v) => setNote(v)} />
        </Field>
      )}
    </FormModal>
  );
}
