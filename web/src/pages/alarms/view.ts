import { useQueryClient } from '@tanstack/react-query';
import { query } from '../../api/client';
import { useUrlState } from '../../components/useUrlState';
import { isSeverity, isShow, shows } from './words';

const usual = { tab: 'alarms', show: 'present', severity: '', code: '', subject: '', handled: '', open: '', search: '' };
export type AlarmView = typeof usual;

export const useAlarmView = () => useUrlState(usual);

/** How many are shown: who has more of them narrows the filter. */
export const most = 500;

const isHandled = (v: string): v is 'yes' | 'no' => v === 'yes' || v === 'no';

/** filterOf is the view as the appliance filters. */
export const filterOf = (v: AlarmView) => ({
  limit: most,
  ...(isShow(v.show) ? { state: [...shows[v.show]] } : {}),
  ...(isSeverity(v.severity) ? { severity: v.severity } : {}),
  ...(v.code === '' ? {} : { code: v.code }),
  ...(v.subject === '' ? {} : { subject: v.subject }),
  ...(isHandled(v.handled) ? { handled: v.handled } : {}),
});

/** useAlarmList is asked again when the stream says that an alarm changed: useAlarms of the masthead forgets all lists of alarms then. */
export const useAlarmList = (v: AlarmView) => query.useQuery('get', '/api/v1/alarms', { params: { query: filterOf(v) } }, { refetchInterval: 30_000, placeholderData: (was) => was });

/** useForgetAlarms has all lists of alarms and mutes asked again. */
export function useForgetAlarms(): () => void {
  const client = useQueryClient();
  return () => void client.invalidateQueries({ predicate: (q) => typeof q.queryKey[1] === 'string' && q.queryKey[1].startsWith('/api/v1/alarms') && q.queryKey[1] !== '/api/v1/alarms/catalogue' });
}
