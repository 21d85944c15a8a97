// What went wrong, in words, where the thing itself would be.

import type { ComponentChildren, JSX } from "preact";
import { Problem } from "../api/client";
import { Button } from "./Button";
import { Icon } from "./Icon";

export function Trouble({ error, onRetry, children }: { error: unknown; onRetry?: () => void; children?: ComponentChildren }): JSX.Element {
  const problem = error instanceof Problem ? error : null;
  return (
    <div class="trouble" role="alert">
      <Icon name="critical" size={22} />
      <div>
        <h2>{problem?.title ?? "Something failed"}</h2>
        <p>{problem ? problem.detail : String(error)}</p>
        {children}
        {onRetry && (
          <Button icon="retry" onClick={onRetry}>
            Retry
          </Button>
        )}
      </div>
    </div>
  );
}

export const Loading = ({ what = "Loading" }: { what?: string }): JSX.Element => (
  <p class="loading" role="status">
    {what}…
  </p>
);

export const Empty = ({ children }: { children: ComponentChildren }): JSX.Element => <div class="empty">{children}</div>;
