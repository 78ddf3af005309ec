import { Label } from '@patternfly/react-core';

export type Tone = 'good' | 'info' | 'warning' | 'bad' | 'neutral';

const status = { good: 'success', info: 'info', warning: 'warning', bad: 'danger' } as const;

/** State is a state by icon and text: never by colour alone. */
export function State({ tone, text, title }: { tone: Tone; text: string; title?: string }) {
  const props = title === undefined ? {} : { title };
  if (tone === 'neutral') {
    return (
      <Label variant="outline" isCompact {...props}>
        {text}
      </Label>
    );
  }
  return (
    <Label status={status[tone]} variant="outline" isCompact {...props}>
      {text}
    </Label>
  );
}
