import { Button, Card, CardBody, CardTitle, DescriptionList, Flex, Skeleton } from '@patternfly/react-core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, query, type Schema } from '../../api/client';
import { useCan } from '../../app/session';
import { Confirm } from '../../components/Confirm';
import { Fact } from '../../components/Facts';
import { Problem } from '../../components/Problem';
import { State } from '../../components/State';
import { Time } from '../../components/Time';
import { useToast } from '../../components/Toasts';
import { now, useNow } from '../../live';
import { CertificateForm } from './CertificateForm';
import { validity } from './validity';

type Certificate = Schema['Certificate'];

const path = '/api/v1/certificate';

const sources: Record<Certificate['source'], string> = {
  made: 'Made by the appliance, which renews it by itself',
  given: 'Given by an admin, who renews it',
  configured: 'In files that the configuration names: replace the files, they are read again',
};

function Facts({ c }: { c: Certificate }) {
  useNow();
  const v = validity(c.not_before, c.not_after, now());
  return (
    <Card isCompact>
      <CardTitle component="h2">What browsers and programs are shown</CardTitle>
      <CardBody>
        <DescriptionList isHorizontal isCompact horizontalTermWidthModifier={{ default: '9rem' }}>
          <Fact term="Validity">
            <State tone={v.tone} text={v.text} />
          </Fact>
          <Fact term="Valid from">
            <Time at={c.not_before} />
          </Fact>
          <Fact term="Valid until">
            <Time at={c.not_after} />
          </Fact>
          <Fact term="Source">{sources[c.source]}</Fact>
          <Fact term="Subject">
            <bdi>{c.subject === '' ? 'none' : c.subject}</bdi>
          </Fact>
          <Fact term="Names">
            <bdi>{c.names.length === 0 ? 'none: browsers refuse it' : c.names.join(', ')}</bdi>
          </Fact>
          <Fact term="Issuer">
            <bdi>{c.issuer === c.subject ? 'itself: browsers ask before they trust it' : c.issuer}</bdi>
          </Fact>
          <Fact term="Serial number">
            <span className="fcr-mono fcr-name">{c.serial}</span>
          </Fact>
          <Fact term="Fingerprint">
            <span className="fcr-mono fcr-name">{c.fingerprint}</span>
          </Fact>
        </DescriptionList>
      </CardBody>
    </Card>
  );
}

/** CertificateTab is what the appliance shows to those who connect, and how it gets another. */
export function CertificateTab() {
  const may = useCan('system.write');
  const client = useQueryClient();
  const toast = useToast();
  const [tag, replace] = useState<string>();
  const [dropping, drop] = useState(false);
  const got = query.useQuery('get', path, {});
  const [failed, fail] = useState<unknown>();
  const forget = () => void client.invalidateQueries({ queryKey: ['get', path] });
  const version = async () => (await api.GET(path)).response.headers.get('ETag') ?? '*';
  const begin = () => {
    fail(undefined);
    void version().then(replace, fail);
  };
  const c = got.data;
  if (c === undefined) return got.error === null ? <Skeleton height="12rem" screenreaderText="Loading" /> : <Problem error={got.error} again={() => void got.refetch()} />;
  const done = (title: string) => {
    toast({ title, text: 'It is shown from the next connection on; your browser may ask again whether you trust it.', variant: 'success' });
    forget();
  };
  return (
    <div className="fcr-stack">
      {may && c.source !== 'configured' && (
        <Flex>
          <Button onClick={begin}>Replace certificate</Button>
          {c.source === 'given' && (
            <Button variant="secondary" isDanger onClick={() => drop(true)}>
              Back to its own
            </Button>
          )}
        </Flex>
      )}
      {failed !== undefined && <Problem error={failed} again={begin} />}
      {got.error !== null && <Problem error={got.error} title="What is shown may be old" again={() => void got.refetch()} />}
      <Facts c={c} />
      {tag !== undefined && <CertificateForm tag={tag} onDone={() => done('The certificate was replaced')} onClose={() => replace(undefined)} />}
      {dropping && (
        <Confirm
          title="Replace the given certificate by one of the appliance’s own?"
          action="Back to its own"
          onClose={() => drop(false)}
          onConfirm={async () => {
            await api.DELETE(path, { params: { header: { 'If-Match': await version() } } });
            done('The appliance has a certificate of its own');
          }}
        >
          The certificate <bdi>{c.subject}</bdi> and its key are deleted from this node. The appliance makes and signs one itself: it is shown from the
          next connection on, browsers ask before they trust it, and programs that trust only your issuer refuse it.
        </Confirm>
      )}
    </div>
  );
}
