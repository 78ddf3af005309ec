import { search } from '../../components/commands';
import { Menu } from '../../components/Menu';
import type { FlowQuery } from './filter';

/** Export downloads all flows that the filter selects, not only those on the page: the browser asks the appliance for the file. */
export function Export({ q }: { q: FlowQuery }) {
  const to = (format: string) => `/api/v1/flows/export${search({ ...q, format })}`;
  const choices = [
    { text: 'CSV', to: to('csv'), download: 'flows.csv', description: 'All that the filter selects, as a table' },
    { text: 'NDJSON', to: to('jsonl'), download: 'flows.jsonl', description: 'The same, a JSON document a line' },
  ];
  return <Menu label="Export" choices={choices} />;
}
