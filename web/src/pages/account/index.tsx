import './account.css';
import { Card, CardBody, CardTitle, Content, DescriptionList, DescriptionListDescription, DescriptionListGroup, DescriptionListTerm, Title } from '@patternfly/react-core';
import type { ReactNode } from 'react';
import { idleMinutes } from '../../app/IdleClock';
import { useSession } from '../../app/session';
import { Page } from '../../components/Page';
import { roleText } from '../../components/roles';
import { Sessions } from '../../components/Sessions';
import { Time } from '../../components/Time';
import { Tokens } from '../../components/Tokens';
import { Name } from '../../components/Wwn';
import { Password } from './Password';

const Section = ({ title, text, children }: { title: string; text: string; children: ReactNode }) => (
  <Card component="section">
    <CardTitle>
      <Title headingLevel="h2" size="lg">
        {title}
      </Title>
    </CardTitle>
    <CardBody>
      <Content component="p" className="fcr-subtle">
        {text}
      </Content>
      {children}
    </CardBody>
  </Card>
);

const Term = ({ term, children }: { term: string; children: ReactNode }) => (
  <DescriptionListGroup>
    <DescriptionListTerm>{term}</DescriptionListTerm>
    <DescriptionListDescription>{children}</DescriptionListDescription>
  </DescriptionListGroup>
);

/** The page of one's own account: everybody has it, whatever the role. */
export default function Account() {
  const { me, can } = useSession();
  return (
    <Page title="My account" text="Who you are here, and the ways in that belong to you." commands={{ path: '/api/v1/me', fcrctl: 'me get' }}>
      <div className="fcr-account">
        <Card component="section">
          <CardBody>
            <DescriptionList isCompact columnModifier={{ default: '3Col' }} aria-label="Account">
              <Term term="Name">
                <Name name={me.name} />
              </Term>
              <Term term="Role">
                {me.role}. <span className="fcr-subtle">{roleText[me.role]}.</span>
              </Term>
              <Term term="Password since">
                <Time at={me.password_changed_at} />
              </Term>
            </DescriptionList>
          </CardBody>
        </Card>
        <Section title="Sessions" text={`Browsers in which you are signed in. One ends by itself after ${idleMinutes} minutes without use.`}>
          <Sessions />
        </Section>
        <Section title="Tokens" text="Ways in for programs, as you and never with more rights than you have.">
          <Tokens />
        </Section>
        {can('self.write') && (
          <Section title="Password" text="Changing it ends all your other sessions.">
            <Password />
          </Section>
        )}
      </div>
    </Page>
  );
}
