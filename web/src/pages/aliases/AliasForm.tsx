import { TextInput } from '@patternfly/react-core';
import { api, ifMatch } from '../../api/client';
import { Field } from '../../components/Field';
import { fieldMessage } from '../../components/Problem';
import { useObjectEditor, type ObjectKind } from '../../components/useObjectEditor';
import { wwnOf } from '../../components/wwn';
import { EditDialog } from './EditDialog';
import { aliasBesides, aliasBody, aliasLacks, aliasOf, emptyAlias, type AliasTyped } from './form';
import type { Alias } from './names';

const aliasKind: ObjectKind<Alias, AliasTyped> = {
  word: 'Alias',
  empty: emptyAlias,
  formOf: aliasOf,
  bodyOf: aliasBody,
  missing: aliasLacks,
  put: async (form, version, dry) => {
    const header = version === undefined ? { 'If-None-Match': '*' } : ifMatch(version);
    const { data } = await api.PUT('/api/v1/aliases/{name}', { params: { path: { name: form.name }, header, query: dry ? { dry_run: true } : {} }, body: aliasBody(form) });
    if (data === undefined) throw new Error('An alias was sent, and nothing came back.');
    return data;
  },
};

interface AliasFormProps {
  /** The alias that is edited, as it is now; without it a new one is made. */
  now?: Alias;
  /** The one that is edited was deleted meanwhile. */
  gone?: boolean;
  wwpn?: string;
  /** Where it is used, in words. */
  used?: string;
  onClose: () => void;
}

/** AliasForm names a WWPN, or gives a name another WWPN. It edits what is pending. */
export function AliasForm({ now, gone = false, wwpn = '', used, onClose }: AliasFormProps) {
  const edit = useObjectEditor(aliasKind, { name: '', wwpn }, now, gone, onClose);
  const { form, change } = edit;
  const read = wwnOf(form.wwpn);
  const wrong = form.wwpn.length >= 16 && read === undefined ? 'Write 16 hexadecimal digits, as 20:00:02:fc:01:00:00:01.' : fieldMessage(edit.said, 'wwpn');
  return (
    <EditDialog
      what="alias"
      title={edit.base === undefined ? 'Name a WWPN' : 'Edit the alias'}
      text={used}
      edit={edit}
      besides={now === undefined ? undefined : aliasBesides(form, aliasOf(now))}
      field="wwpn"
      onName={(name) => change({ name })}
      onClose={onClose}
    >
      <Field id="alias-wwpn" label="WWPN" required error={wrong} help={read ?? 'In any spelling: colons, dashes, bare.'}>
        <TextInput
          id="alias-wwpn"
          value={form.wwpn}
          onChange={(_, v) => change({ wwpn: v })}
          autoFocus={edit.base !== undefined}
          autoComplete="off"
          spellCheck={false}
          className="fcr-mono"
          validated={wrong === undefined ? 'default' : 'error'}
          aria-describedby="alias-wwpn-hint"
        />
      </Field>
    </EditDialog>
  );
}
