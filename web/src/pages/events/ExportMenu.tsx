import { search } from '../../components/CopyAs';
import { Menu } from '../../components/Menu';

/** ExportMenu downloads what the filter selects, from the appliance's log and not from what is shown. */
export function ExportMenu({ path, params }: { path: string; params: Record<string, string | undefined> }) {
  const to = (format: string) => path + search({ ...params, format });
  const choices = [
    { text: 'NDJSON', to: to('jsonl'), description: 'A JSON document a line, 100,000 at most' },
    { text: 'CSV', to: to('csv'), description: 'A table for a spreadsheet, 100,000 rows at most' },
  ];
  return <Menu label="Export" variant="secondary" choices={choices} />;
}
