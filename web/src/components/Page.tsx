import { Content, Flex, FlexItem, PageSection, Title } from '@patternfly/react-core';
import type { ReactNode } from 'react';
import { CopyAs, type Commands } from './CopyAs';

interface PageProps {
  title: string;
  /** One sentence: what the page is about. */
  text?: ReactNode;
  /** Buttons of the page. */
  actions?: ReactNode;
  /** What the page asks of the appliance, for scripts. */
  commands: Commands;
  children: ReactNode;
}

/** Page is a page's head (its name, what it is for, what can be done, its commands) and its body. */
export function Page({ title, text, actions, commands, children }: PageProps) {
  return (
    <>
      <PageSection hasBodyWrapper={false} className="fcr-head">
        <Flex alignItems={{ default: 'alignItemsFlexStart' }} gap={{ default: 'gapMd' }}>
          <FlexItem flex={{ default: 'flex_1' }}>
            <Title headingLevel="h1">{title}</Title>
            {text === undefined ? null : (
              <Content component="p" className="fcr-subtle">
                {text}
              </Content>
            )}
          </FlexItem>
          {actions}
          <CopyAs commands={commands} />
        </Flex>
      </PageSection>
      <PageSection hasBodyWrapper={false} isFilled>
        {children}
      </PageSection>
    </>
  );
}
