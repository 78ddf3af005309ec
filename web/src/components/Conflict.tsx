import { Alert, Button, Flex } from '@patternfly/react-core';
import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table';

export interface ConflictField {
  label: string;
  mine: string;
  theirs: string;
}

/**
 * Conflict says that somebody changed what one edits, and shows theirs beside mine where they differ. What was typed stays
 * until somebody says that theirs is taken. theirs undefined: it was deleted.
 */
export function Conflict(props: { what: string; fields: readonly ConflictField[] | undefined; onKeep: () => void; onTake: () => void }) {
  const { what, fields } = props;
  const differ = fields?.filter((f) => f.mine !== f.theirs) ?? [];
  const gone = fields === undefined;
  return (
    <Alert isInline variant="warning" title={gone ? `Somebody deleted ${what} meanwhile` : `Somebody changed ${what} meanwhile`}>
      <p>Nothing was saved, and what you typed is still here.</p>
      {gone ? null : differ.length === 0 ? (
        <p>Theirs is the same as yours.</p>
      ) : (
        <Table variant="compact" aria-label="Theirs beside yours" borders={false}>
          <Thead>
            <Tr>
              <Th>Field</Th>
              <Th>Yours</Th>
              <Th>Theirs</Th>
            </Tr>
          </Thead>
          <Tbody>
            {differ.map((f) => (
              <Tr key={f.label}>
                <Th scope="row">{f.label}</Th>
                <Td dataLabel="Yours">
                  <bdi>{f.mine === '' ? '–' : f.mine}</bdi>
                </Td>
                <Td dataLabel="Theirs">
                  <bdi>{f.theirs === '' ? '–' : f.theirs}</bdi>
                </Td>
              </Tr>
            ))}
          </Tbody>
        </Table>
      )}
      <Flex gap={{ default: 'gapSm' }} className="fcr-space">
        <Button size="sm" variant="secondary" onClick={props.onKeep}>
          {gone ? 'Go on with mine: it is created anew' : 'Go on with mine: it replaces theirs'}
        </Button>
        <Button size="sm" variant="link" onClick={props.onTake}>
          {gone ? 'Leave it deleted' : 'Take theirs'}
        </Button>
      </Flex>
    </Alert>
  );
}
