// The sources of a stream: which is pulled, how the others are, and going on to the next by hand.

import type { SourceView } from "./data";
import { duration } from "../ui/format";
import { failureWords, sourceWords } from "./words";

const SIGNS: Record<string, string> = { live: "●", waiting: "◌", connecting: "◌", cooling: "✕", ready: "○" };

/** What is told of a source while its stream is pulled. */
export function Sources({ urls, states, active }: {
  /** Empty for who may not see where streams come from. */
  urls: readonly { url: string; account?: string | null }[];
  states: readonly SourceView[];
  /** The one that is pulled, from 0. */
  active: number | null;
}) {
  const count = Math.max(urls.length, states.length);
  if (count === 0) return <p class="hint">Where it comes from is shown to operators.</p>;
  return (
    <div class="table-box" role="region" aria-label="Table of sources" tabIndex={0}>
      <table class="table">
        <thead>
          <tr>
            <th scope="col">#</th>
            <th scope="col">Source</th>
            <th scope="col">State</th>
            <th scope="col">Failed in a row</th>
            <th scope="col">Last failure</th>
          </tr>
        </thead>
        <tbody>
          {Array.from({ length: count }, (_, index) => {
            const source = urls[index];
            const state = states[index];
            return (
              <tr key={index} class={index === active ? "row-active" : undefined}>
                <td>
                  {index + 1}
                  {index === active && <span class="stream-tag">active</span>}
                </td>
                <td class="mono break">
                  {source?.url ?? "not shown"}
                  {source?.account && <span class="hint"> account {source.account}</span>}
                </td>
                <td>
                  {state ? (
                    <span class={`source-${state.state}`}>
                      <span aria-hidden="true">{SIGNS[state.state] ?? "·"} </span>
                      {sourceWords(state.state)}
                      {state.retry_in != null && `, tried again in ${duration(state.retry_in)}`}
                    </span>
                  ) : (
                    <span class="hint">not pulled now</span>
                  )}
                </td>
                <td class="number">{state ? state.failures : ""}</td>
                <td>
                  {state?.failure ? (
                    <>
                      {failureWords(state.failure.stage, state.failure.cause)}: {state.failure.message}
                    </>
                  ) : (
                    ""
                  )}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
