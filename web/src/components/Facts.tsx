import { Card, CardBody, CardTitle, DescriptionListDescription, DescriptionListGroup, DescriptionListTerm } from '@patternfly/react-core';
import type { ReactNode } from 'react';

/** Fact is a line of a description list. */
export const Fact = ({ term, children }: { term: string; children: ReactNode }) => (
  <DescriptionListGroup>
    <DescriptionListTerm>{term}</DescriptionListTerm>
    <DescriptionListDescription>{children}</DescriptionListDescription>
  </DescriptionListGroup>
);

/** Part is a card with a name. */
export const Part = ({ title, children }: { title: string; children: ReactNode }) => (
  <Card isCompact>
    <CardTitle component="h3">{title}</CardTitle>
    <CardBody>{children}</CardBody>
  </Card>
);
