import { Tooltip } from '@patternfly/react-core';
import { useRef } from 'react';
import { useNow } from '../live';
import { ago, local, utc } from './format';

/** Time is a moment in the reader's own time, with UTC where one points or focuses. relative: how long ago instead. */
export function Time({ at, relative = false }: { at: string | number | undefined; relative?: boolean }) {
  if (at === undefined || at === '') return <>–</>;
  return relative ? <Ago at={at} /> : <Moment at={at} text={local(at)} more={utc(at)} />;
}

function Ago({ at }: { at: string | number }) {
  const now = useNow(1000);
  return <Moment at={at} text={ago(now - new Date(at).getTime())} more={`${local(at)} · ${utc(at)}`} />;
}

/** The tooltip is beside the time and not around it: around it would be a div, which a paragraph may not have. */
function Moment({ at, text, more }: { at: string | number; text: string; more: string }) {
  const time = useRef<HTMLTimeElement>(null);
  return (
    <>
      <time ref={time} dateTime={new Date(at).toISOString()} tabIndex={0}>
        {text}
      </time>
      <Tooltip content={more} triggerRef={time} />
    </>
  );
}
