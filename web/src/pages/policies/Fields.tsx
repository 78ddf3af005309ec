import { Checkbox, FormSelect, FormSelectOption, TextArea, TextInput } from '@patternfly/react-core';
import { Link } from 'wouter';
import { query } from '../../api/client';
import { asProblem } from '../../api/problem';
import { Field } from '../../components/Field';
import { fieldMessage } from '../../components/Problem';
import { isPlaceChoice, matchMessages, needsService, type Form } from './form';
import { TermsInput } from './TermsInput';
import { actionWords, isAction, type Action } from './view';

export interface FieldsProps {
  form: Form;
  change: (c: Partial<Form>) => void;
  /** What the appliance says of it. */
  said: unknown;
}

const help: Record<Action, string> = {
  forward: 'Its flows take the direct way, and no policy behind it is asked.',
  redirect: 'The service gets the frames and hands them back.',
  mirror: 'The flows take the direct way; the service gets copies.',
  drop: 'Storage frames of its flows are dropped. Hosts lose these disks.',
};

export function MatchFields({ form, change, said }: FieldsProps) {
  const messages = matchMessages(said === undefined ? undefined : asProblem(said).fields);
  return (
    <>
      <Field id="policy-initiator" label="Initiators" error={messages.initiator} help="Aliases, sets, WWPNs, or masks as 20:00:02:fc:*. None is any.">
        <TermsInput id="policy-initiator" label="Initiators" terms={form.initiator} onChange={(initiator) => change({ initiator })} placeholder="Any" />
      </Field>
      <Field id="policy-target" label="Targets" error={messages.target} help="The same. None is any.">
        <TermsInput id="policy-target" label="Targets" terms={form.target} onChange={(target) => change({ target })} placeholder="Any" />
      </Field>
      <Field id="policy-vsan" label="VSANs" error={messages.vsan} help="Numbers and ranges, as 10, 100-199; 0 is without a tag. Nothing is any.">
        <TextInput id="policy-vsan" value={form.vsan} placeholder="Any" onChange={(_, vsan) => change({ vsan })} validated={messages.vsan === undefined ? 'default' : 'error'} />
      </Field>
    </>
  );
}

function ServiceField({ form, change, said }: FieldsProps) {
  const services = query.useQuery('get', '/api/v1/services', { params: { query: { on: 'pending', limit: 255 } } });
  const mode = form.action === 'redirect' ? 'steer' : 'mirror';
  const fit = (services.data?.items ?? []).filter((s) => s.mode === mode);
  const known = fit.some((s) => s.name === form.service);
  const chosen = fit.find((s) => s.name === form.service);
  const state = chosen?.state === undefined ? '' : `It is ${chosen.state === 'unknown' ? 'not in use yet' : chosen.state}.`;
  return (
    <Field
      id="policy-service"
      label="Service"
      required
      error={fieldMessage(said, 'service')}
      help={
        services.data !== undefined && fit.length === 0 ? (
          <>
            There is no service of mode {mode}. <Link href="/services?new=1">Make one</Link>
          </>
        ) : (
          `Services of mode ${mode}. ${state}`
        )
      }
    >
      <FormSelect id="policy-service" value={form.service} onChange={(_, service) => change({ service })}>
        <FormSelectOption value="" label="Choose a service" isPlaceholder />
        {form.service !== '' && !known ? <FormSelectOption value={form.service} label={`${form.service} (not of mode ${mode})`} /> : null}
        {fit.map((s) => (
          <FormSelectOption key={s.name} value={s.name ?? ''} label={s.name ?? ''} />
        ))}
      </FormSelect>
    </Field>
  );
}

export function ActionFields(props: FieldsProps) {
  const { form, change, said } = props;
  return (
    <>
      <Field id="policy-action" label="Action" required error={fieldMessage(said, 'action')} help={help[form.action]}>
        <FormSelect id="policy-action" value={form.action} onChange={(_, v) => isAction(v) && change({ action: v })}>
          {Object.entries(actionWords).map(([value, label]) => (
            <FormSelectOption key={value} value={value} label={label} />
          ))}
        </FormSelect>
      </Field>
      {needsService(form.action) && <ServiceField {...props} />}
      {form.action === 'mirror' && (
        <Field id="policy-frames" label="Frames" error={fieldMessage(said, 'frames')} help="What is copied">
          <FormSelect id="policy-frames" value={form.frames} onChange={(_, v) => change({ frames: v === 'commands' ? 'commands' : 'all' })}>
            <FormSelectOption value="all" label="All frames" />
            <FormSelectOption value="commands" label="Commands alone (FCP_CMND)" />
          </FormSelect>
        </Field>
      )}
      {form.action === 'redirect' && (
        <Field id="policy-failure" label="While the service is down" error={fieldMessage(said, 'on_failure')}>
          <FormSelect id="policy-failure" value={form.onFailure} onChange={(_, v) => change({ onFailure: v === 'bypass' || v === 'block' ? v : '' })}>
            <FormSelectOption value="" label="As the service says" />
            <FormSelectOption value="bypass" label="Bypass: its flows take the direct way" />
            <FormSelectOption value="block" label="Block: their frames are dropped" />
          </FormSelect>
        </Field>
      )}
    </>
  );
}

/** So many names are offered; who has more types the name. */
const namesOffered = 500;

export function PlaceFields({ form, change, said, isNew }: FieldsProps & { isNew: boolean }) {
  const beside = form.place === 'before' || form.place === 'after';
  const others = query.useQuery('get', '/api/v1/policies', { params: { query: { on: 'pending', limit: namesOffered } } }, { enabled: beside });
  return (
    <div className="fcr-two">
      <Field id="policy-place" label="Place" error={fieldMessage(said, 'place')} help="The first enabled one that matches decides.">
        <FormSelect id="policy-place" value={form.place} onChange={(_, v) => isPlaceChoice(v) && change({ place: v })}>
          <FormSelectOption value="stay" label={isNew ? 'At the end' : 'Where it is'} />
          <FormSelectOption value="first" label="First" />
          {isNew ? null : <FormSelectOption value="last" label="At the end" />}
          <FormSelectOption value="before" label="Before a policy" />
          <FormSelectOption value="after" label="Behind a policy" />
          <FormSelectOption value="position" label="At a number" />
        </FormSelect>
      </Field>
      {beside && (
        <Field id="policy-other" label="Policy" required error={fieldMessage(said, 'place/before') ?? fieldMessage(said, 'place/after')}>
          <TextInput id="policy-other" list="policy-others" value={form.other} onChange={(_, other) => change({ other })} />
          <datalist id="policy-others">
            {(others.data?.items ?? []).filter((p) => p.name !== form.name).map((p) => (
              <option key={p.name} value={p.name} />
            ))}
          </datalist>
        </Field>
      )}
      {form.place === 'position' && (
        <Field id="policy-position" label="Number" required error={fieldMessage(said, 'place/position')} help="From 1; beyond the end is the end">
          <TextInput id="policy-position" inputMode="numeric" value={form.position} onChange={(_, position) => change({ position })} />
        </Field>
      )}
    </div>
  );
}

export function NoteFields({ form, change, said }: FieldsProps) {
  return (
    <>
      <Field id="policy-note" label="Note" error={fieldMessage(said, 'note')}>
        <TextArea id="policy-note" value={form.note} rows={3} resizeOrientation="vertical" maxLength={4096} dir="auto" onChange={(_, note) => change({ note })} />
      </Field>
      <Field id="policy-ticket" label="Ticket" error={fieldMessage(said, 'ticket')}>
        <TextInput id="policy-ticket" value={form.ticket} maxLength={128} dir="auto" onChange={(_, ticket) => change({ ticket })} />
      </Field>
      <Checkbox id="policy-disabled" label="Disabled" description="It is kept and checked, and never matches." isChecked={form.disabled} onChange={(_, disabled) => change({ disabled })} />
    </>
  );
}
