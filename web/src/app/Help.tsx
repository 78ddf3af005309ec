import { Checkbox, Content, DescriptionList, DescriptionListDescription, DescriptionListGroup, DescriptionListTerm, ModalBody, ModalHeader } from '@patternfly/react-core';
import { Dialog } from '../components/Dialog';
import type { Route } from './routes';

const Keys = ({ keys, text }: { keys: string[]; text: string }) => (
  <DescriptionListGroup>
    <DescriptionListTerm>
      {keys.map((k) => (
        <kbd key={k}>{k}</kbd>
      ))}
    </DescriptionListTerm>
    <DescriptionListDescription>{text}</DescriptionListDescription>
  </DescriptionListGroup>
);

/** Help lists the keys, and where more is written. */
export function Help({ onClose, routes, keys }: { onClose: () => void; routes: readonly Route[]; keys: [boolean, (on: boolean) => void] }) {
  const [on, turn] = keys;
  return (
    <Dialog variant="medium" onClose={onClose} aria-labelledby="help-title">
      <ModalHeader title="Help" labelId="help-title" />
      <ModalBody tabIndex={0} role="region" aria-label="Keys and further reading">
        <DescriptionList isHorizontal isCompact columnModifier={{ default: '2Col' }} aria-label="Keys">
          <Keys keys={['/']} text="Search on this page" />
          <Keys keys={['?']} text="This help" />
          <Keys keys={['Esc']} text="Close what is open" />
          {routes.map((r) => (r.key === undefined ? null : <Keys key={r.path} keys={['g', r.key]} text={`Go to ${r.title}`} />))}
        </DescriptionList>
        <Checkbox className="fcr-space" id="single-keys" label="Single keys are shortcuts" isChecked={on} onChange={(_, v) => turn(v)} />
        <Content component="p" className="fcr-space">
          All that the console shows and does can be had over REST and with <code>fcrctl</code>: “Copy as” on each page gives the command.
          The appliance describes its interface under{' '}
          <a href="/api/docs" target="_blank" rel="noreferrer">
            /api/docs
          </a>
          .
        </Content>
      </ModalBody>
    </Dialog>
  );
}
