import { Button, EmptyState, EmptyStateActions, EmptyStateBody, EmptyStateFooter } from '@patternfly/react-core';
import { Component, type ReactNode } from 'react';
import { asProblem } from '../api/problem';

/** ErrorBoundary keeps a defect of one page from taking the console away. */
export class ErrorBoundary extends Component<{ children: ReactNode }, { error: unknown }> {
  override state: { error: unknown } = { error: undefined };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override render() {
    if (this.state.error === undefined) return this.props.children;
    return (
      <EmptyState titleText="This part of the console failed" headingLevel="h1" status="danger">
        <EmptyStateBody>{asProblem(this.state.error).detail}</EmptyStateBody>
        <EmptyStateFooter>
          <EmptyStateActions>
            <Button onClick={() => this.setState({ error: undefined })}>Show it again</Button>
            <Button variant="link" onClick={() => location.reload()}>
              Load the console anew
            </Button>
          </EmptyStateActions>
        </EmptyStateFooter>
      </EmptyState>
    );
  }
}
