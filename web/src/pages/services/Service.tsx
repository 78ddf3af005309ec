import { Alert, Breadcrumb, BreadcrumbItem, Button, DescriptionList, EmptyState, EmptyStateBody, Flex, FlexItem, Skeleton, Title } from '@patternfly/react-core';
import { useQueryClient } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import type { Schema } from '../../api/client';
import { asProblem } from '../../api/problem';
import { Fact } from '../../components/Facts';
import { bytes, count, plural } from '../../components/format';
import { FramesChart } from '../../components/FramesChart';
import { DifferenceMark } from '../../components/Pending';
import { Problem } from '../../components/Problem';
import { State } from '../../components/State';
import { useDifferences, type On } from '../../components/usePending';
import { Name } from '../../components/Wwn';
import { useSample } from '../../live';
import { Dialogs, type Asked } from './Dialogs';
import { ServiceForm } from './ServiceForm';
import { HealthHistory } from './Health';
import { FlowsOn, HealthMark, Instance, UsedBy } from './ServiceTable';
import { serviceKey, useService } from './useService';
import { consequence, failureText, healthOf, type View } from './words';

type Item = Schema['ServiceItem'];

/** Facts is how a service is now, and what follows. */
function Facts({ service, on }: { service: Item; on: On }) {
  const health = healthOf(service, useSample()?.services);
  const follows = consequence(service, health);
  return (
    <>
      {health === 'down' ? <Alert isInline variant="danger" title={`Service ${service.name ?? ''} is down`}>{follows}</Alert> : <p>{follows}</p>}
      <DescriptionList isHorizontal isCompact>
        <Fact term="Mode">{service.mode === 'steer' ? 'Steer: it gets the frames and hands them back' : 'Mirror: it gets copies'}</Fact>
        <Fact term="Instance">
          <Instance service={service} />
        </Fact>
        <Fact term="While it is down">{failureText(service)}</Fact>
        <Fact term="Flows on it">
          <FlowsOn service={service} />
          {service.active === undefined ? null : (
            <span className="fcr-subtle" title={bytes(service.active.bytes)}>
              {' '}
              with {count(service.active.frames)} frames since they began
            </span>
          )}
        </Fact>
        <Fact term="Used by">
          <UsedBy service={service} on={on} most={20} />
        </Fact>
        <Fact term="Came or went">{plural(service.flips ?? 0, 'time')} since the data plane runs</Fact>
        {service.note === undefined || service.note === '' ? null : (
          <Fact term="Note">
            <bdi>{service.note}</bdi>
          </Fact>
        )}
      </DescriptionList>
    </>
  );
}

function Head({ service, offered, onAsk }: { service: Item; offered: boolean; onAsk: (a: Asked) => void }) {
  const differences = useDifferences('service');
  return (
    <Flex gap={{ default: 'gapMd' }} alignItems={{ default: 'alignItemsCenter' }}>
      <FlexItem grow={{ default: 'grow' }}>
        <Flex gap={{ default: 'gapSm' }} alignItems={{ default: 'alignItemsCenter' }}>
          <Title headingLevel="h2" size="xl">
            <Name name={service.name ?? ''} />
          </Title>
          <HealthMark service={service} />
          {service.drained === true ? <State tone="warning" text="drained" /> : null}
          <DifferenceMark change={differences.by.get(service.name ?? '')} />
        </Flex>
      </FlexItem>
      {offered && (
        <Flex gap={{ default: 'gapSm' }}>
          {(service.used_by?.length ?? 0) > 0 && service.drained !== true ? (
            <Button size="sm" variant="secondary" onClick={() => onAsk({ what: 'drain', service })}>
              Drain
            </Button>
          ) : null}
          <Button size="sm" variant="secondary" onClick={() => onAsk({ what: 'rename', service })}>
            Rename
          </Button>
          <Button size="sm" variant="secondary" isDanger onClick={() => onAsk({ what: 'delete', service })}>
            Delete
          </Button>
        </Flex>
      )}
    </Flex>
  );
}

interface ServiceProps {
  view: View;
  set: (change: Partial<View>, push?: boolean) => void;
  on: On;
  offered: boolean;
}

function Shown({ service, on, offered, form, onAsk }: { service: Item; on: On; offered: boolean; form: ReactNode; onAsk: (a: Asked) => void }) {
  return (
    <>
      <Head service={service} offered={offered} onAsk={onAsk} />
      <div className="fcr-service">
        <div className="fcr-stack">
          <Facts service={service} on={on} />
          <HealthHistory name={service.name ?? ''} />
          <FramesChart of="service" name={service.name ?? ''} />
        </div>
        {form}
      </div>
    </>
  );
}

/** Service is one service over the whole width: how it is and was, what goes through it, and its form. */
export function Service({ view, set, on, offered }: ServiceProps) {
  const fresh = view.service === '';
  const one = useService(view.service, on);
  const client = useQueryClient();
  const [asked, ask] = useState<Asked>();
  const [saved, setSaved] = useState(false);
  const close = () => set({ service: '', new: '' });
  const missing = one.error !== null && asProblem(one.error).status === 404;
  const onSaved = (s: Item) => {
    client.setQueryData(serviceKey(s.name ?? ''), s);
    setSaved(true);
    if (fresh) set({ service: s.name ?? '', new: '', on: 'pending' });
  };
  const form = (now: Item | undefined) => <ServiceForm key={now?.name ?? ''} now={now} gone={missing} saved={saved} onSaved={onSaved} onClose={close} />;
  return (
    <div className="fcr-stack">
      <Breadcrumb>
        <BreadcrumbItem render={({ className }) => <Button variant="link" isInline className={className} onClick={close}>Services</Button>} />
        <BreadcrumbItem isActive>{fresh ? 'New service' : <Name name={view.service} />}</BreadcrumbItem>
      </Breadcrumb>
      {fresh ? offered ? <div className="fcr-service-new">{form(undefined)}</div> : <p>A service cannot be made now, or not by you.</p> : null}
      {!fresh && one.data === undefined && missing ? (
        <EmptyState titleText={`There is no such service in the ${on} configuration`} headingLevel="h2" variant="sm">
          <EmptyStateBody>{on === 'active' ? 'It may be pending only.' : 'It may have been deleted or renamed.'}</EmptyStateBody>
        </EmptyState>
      ) : null}
      {one.error !== null && !missing ? <Problem error={one.error} again={() => void one.refetch()} /> : null}
      {!fresh && one.isPending ? <Skeleton height="12rem" screenreaderText="Reading the service" /> : null}
      {fresh || one.data === undefined ? null : <Shown service={one.data} on={on} offered={offered && !missing} form={offered ? form(one.data) : null} onAsk={ask} />}
      <Dialogs asked={asked} onClose={() => ask(undefined)} onGone={(now) => (now === '' ? close() : set({ service: now }))} />
    </div>
  );
}
