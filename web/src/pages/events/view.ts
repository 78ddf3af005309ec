import { useUrlState } from '../../components/useUrlState';

const usual = {
  tab: 'events', open: '',
  type: '', category: '', severity: '', since: '', until: '', match: '',
  who: '', door: '', address: '', action: '', object: '', result: '', request: '',
};
export type RecordsView = typeof usual;

export const useRecordsView = () => useUrlState(usual);

const isDoor = (v: string): v is 'web' | 'token' | 'socket' => ['web', 'token', 'socket'].includes(v);
const isResult = (v: string): v is 'ok' | 'refused' | 'failed' => ['ok', 'refused', 'failed'].includes(v);

/** auditQuery is the filter of the audit log as the appliance has it. */
export const auditQuery = (v: RecordsView) => ({
  ...(v.who === '' ? {} : { who: v.who }),
  ...(isDoor(v.door) ? { door: v.door } : {}),
  ...(v.address === '' ? {} : { address: v.address }),
  ...(v.action === '' ? {} : { action: v.action }),
  ...(v.object === '' ? {} : { object: v.object }),
  ...(isResult(v.result) ? { result: v.result } : {}),
  ...(v.request === '' ? {} : { request_id: v.request }),
  ...(v.since === '' ? {} : { since: v.since }),
  ...(v.until === '' ? {} : { until: v.until }),
});
