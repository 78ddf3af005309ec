import { Label } from '@patternfly/react-core';
import { useStreamStatus } from '../live';

/** LiveLabel says whether what is shown is of now. */
export function LiveLabel() {
  const { state } = useStreamStatus();
  if (state === 'live') {
    return (
      <Label status="success" variant="outline">
        Live
      </Label>
    );
  }
  return (
    <Label status="warning" variant="outline">
      {state === 'paused' ? 'Paused' : 'Reconnecting'}
    </Label>
  );
}
