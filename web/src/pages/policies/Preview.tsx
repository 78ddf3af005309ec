import { Alert, Button, Form, Skeleton, TextInput, Title } from '@patternfly/react-core';
import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api, query, type Schema } from '../../api/client';
import { useChange } from '../../app/change';
import { Field } from '../../components/Field';
import { VerdictText } from '../../components/DryRunVerdict';
import { termKind } from '../../components/MatchChipsTerms';
import { fieldMessage, Problem } from '../../components/Problem';
import type { On } from '../../components/usePending';
import { Name } from '../../components/Wwn';
import { TermsInput } from './TermsInput';
import { unlisted } from './view';

/** What is asked: one pair of ports. */
export interface Pair {
  initiator: string;
  target: string;
  vsan: string;
}

/** Reasons are the policies that have to do with a flow, in their order, each with why it does or does not decide. */
function Reasons({ answer, name }: { answer: Schema['Explanation']; name: string }) {
  if (answer.rules.length === 0) return null;
  return (
    <Table variant="compact" aria-label="Policies that have to do with this flow">
      <Thead>
        <Tr>
          <Th className="fcr-end">Place</Th>
          <Th>Policy</Th>
          <Th>Why</Th>
        </Tr>
      </Thead>
      <Tbody>
        {answer.rules.map((r) => (
          <Tr key={r.policy} isRowSelected={r.policy === name}>
            <Td className="fcr-end">{r.position}</Td>
            <Td>{r.decides ? <strong><Name name={r.policy} /></strong> : <Name name={r.policy} />}</Td>
            <Td>{r.why}</Td>
          </Tr>
        ))}
      </Tbody>
    </Table>
  );
}

function Answer({ answer, name }: { answer: Schema['Explanation']; name: string }) {
  const by = answer.verdict.policy;
  return (
    <>
      <Alert isInline isPlain component="h3" variant={by === name ? 'success' : 'info'} title={<VerdictText verdict={answer.verdict} policy={false} />}>
        {by === name ? 'This policy decides.' : by === undefined || by === '' ? 'No policy decides.' : <>Another policy decides: <Name name={by} />.</>}
      </Alert>
      <Reasons answer={answer} name={name} />
      {answer.omitted > 0 ? <p className="fcr-subtle">{unlisted(answer.omitted)}</p> : null}
    </>
  );
}

/** usePorts is the pair without what is no port: sets and masks stand in a match, and cannot be asked about. */
function usePorts(pair: Pair, on: On): Pair {
  const named = [pair.initiator, pair.target].some((t) => t !== '' && termKind(t) === 'name');
  const sets = query.useQuery('get', '/api/v1/sets', { params: { query: { on, limit: 1000 } } }, { enabled: named, staleTime: 30_000 });
  const port = (t: string) => (termKind(t) === 'wwpn' || (termKind(t) === 'name' && sets.data !== undefined && !sets.data.items.some((s) => s.name === t)) ? t : '');
  return { initiator: port(pair.initiator), target: port(pair.target), vsan: pair.vsan };
}

/**
 * Preview asks the evaluator of the data plane about one flow, under the configuration as it is saved. What is typed and not
 * saved is not in it, and that is said.
 */
export function Preview({ start, name, on, unsaved }: { start: Pair; name: string; on: On; unsaved: boolean }) {
  const begin = usePorts(start, on);
  const [mine, type] = useState<Pair>();
  const [mineAsked, ask] = useState<Pair>();
  const typed = mine ?? begin;
  const asked = mineAsked ?? (begin.initiator !== '' && begin.target !== '' ? begin : undefined);
  const { change } = useChange();
  const answer = useQuery({
    queryKey: ['post', '/api/v1/policies/evaluate', on, asked, change?.pending?.changed ?? '', change?.active.document ?? ''],
    queryFn: async () => {
      const vsan = Number(asked?.vsan ?? 0);
      const { data } = await api.POST('/api/v1/policies/evaluate', {
        body: { on, limit: 20, ...(asked?.initiator ? { initiator: asked.initiator } : {}), ...(asked?.target ? { target: asked.target } : {}), ...(Number.isInteger(vsan) && vsan > 0 ? { vsan } : {}) },
      });
      return data ?? null;
    },
    enabled: asked !== undefined,
  });
  return (
    <section className="fcr-stack" aria-label="What is decided about a flow">
      <Title headingLevel="h2" size="lg">
        What is decided about a flow
      </Title>
      <Form
        onSubmit={(e) => {
          e.preventDefault();
          ask({ ...typed });
        }}
      >
        <div className="fcr-two">
          <Field id="ask-initiator" label="Initiator" error={fieldMessage(answer.error, 'initiator')}>
            <TermsInput id="ask-initiator" label="Initiator to ask about" single terms={typed.initiator === '' ? [] : [typed.initiator]} placeholder="Alias or WWPN" onChange={([initiator = '']) => type({ ...typed, initiator })} />
          </Field>
          <Field id="ask-target" label="Target" error={fieldMessage(answer.error, 'target')}>
            <TermsInput id="ask-target" label="Target to ask about" single terms={typed.target === '' ? [] : [typed.target]} placeholder="Alias or WWPN" onChange={([target = '']) => type({ ...typed, target })} />
          </Field>
          <Field id="ask-vsan" label="VSAN" help="Nothing: without a tag">
            <TextInput id="ask-vsan" type="number" min={0} max={4095} value={typed.vsan} onChange={(_, vsan) => type({ ...typed, vsan })} />
          </Field>
        </div>
        <div>
          <Button type="submit" variant="secondary" isLoading={answer.isFetching} isDisabled={answer.isFetching || (typed.initiator === '' && typed.target === '')}>
            Ask
          </Button>
        </div>
      </Form>
      {unsaved ? <p className="fcr-subtle">It is asked of the configuration as it is saved: what you changed here and did not save is not in it.</p> : null}
      {answer.error !== null && <Problem error={answer.error} again={() => void answer.refetch()} />}
      {answer.isLoading && <Skeleton screenreaderText="Asking" height="4rem" />}
      {answer.data === undefined || answer.data === null ? null : <Answer answer={answer.data} name={name} />}
    </section>
  );
}
