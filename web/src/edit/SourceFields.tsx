// One source of a stream: where it is, how one logs in there, what is sent along.

import type { JSX } from "preact";
import { IconButton } from "../ui/Button";
import { AuthFields } from "./AuthFields";
import { SelectField, TextField } from "./fields";
import { emptyHeader, type SourceForm } from "./form";
import { HeaderFields } from "./HeaderFields";
import { pointer } from "./mistakes";
import { sameServer } from "./secret";
import { updater } from "./update";

interface SourceProps {
  index: number;
  count: number;
  value: SourceForm;
  set: (value: SourceForm) => void;
  move: (to: number) => void;
  drop: () => void;
  /** Ids of the accounts that there are. */
  accounts: readonly string[];
}

export function SourceFields({ index, count, value, set, move, drop, accounts }: SourceProps): JSX.Element {
  const put = updater(value, set);
  const at = (...parts: (string | number)[]): string => pointer("sources", index, ...parts);
  const name = index === 0 ? "Source 1, primary" : `Source ${index + 1}, backup`;
  const left = value.was !== "" && value.url.trim() !== value.was && !sameServer(value.was, value.url);
  const holds = value.secret.had || value.headers.some((one) => one.kept);
  return (
    <section class="form-source" aria-label={name}>
      <header>
        <h2>{name}</h2>
        <div class="row">
          <IconButton icon="up" label={`Move source ${index + 1} up`} disabled={index === 0} onClick={() => move(index - 1)} />
          <IconButton icon="down" label={`Move source ${index + 1} down`} disabled={index === count - 1} onClick={() => move(index + 1)} />
          <IconButton icon="trash" label={`Remove source ${index + 1}`} disabled={count === 1} onClick={drop} />
        </div>
      </header>
      <TextField
        at={at("url")}
        label="Address"
        value={value.url}
        set={put("url")}
        required
        mono
        placeholder="https://example.com/live/news.m3u8"
        hint={left && holds ? "It is on another server now: secrets stay with their server, and have to be given anew." : undefined}
      />
      <div class="form-grid">
        <SelectField at={at("account")} label="Account" value={value.account} set={put("account")} options={[["", "none"], ...accounts.map((id) => [id, id] as const)]} hint="Whose connections it counts among" />
        <TextField at={at("timeout_ms")} label="Wait for the first byte, seconds" value={value.timeout} set={put("timeout")} decimal placeholder="as the server is set" />
        <TextField at={at("user_agent")} label="User-Agent" value={value.userAgent} set={put("userAgent")} placeholder="as the server is set" />
      </div>
      <AuthFields
        at={at("credentials")}
        auth={value.auth}
        username={value.username}
        secret={value.secret}
        set={(part) => set({ ...value, ...part })}
        none={value.account === "" ? "None" : "Those of the account"}
      />
      <HeaderFields at={at("headers")} value={value.headers} set={put("headers")} add={() => set({ ...value, headers: [...value.headers, emptyHeader()] })} />
    </section>
  );
}
