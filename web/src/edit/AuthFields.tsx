// How one logs in: not at all, by name and password, or by a token.

import type { JSX } from "preact";
import { SelectField, TextField } from "./fields";
import type { AuthKind } from "./form";
import { SecretInput } from "./SecretInput";
import { secretField, type SecretField } from "./secret";

interface Auth {
  auth: AuthKind;
  username: string;
  secret: SecretField;
}

interface AuthProps extends Auth {
  at: string;
  set: (part: Partial<Auth>) => void;
  /** What it is called to have none. */
  none: string;
  /** The secret is elsewhere: in a file. */
  noSecret?: boolean;
}

export function AuthFields({ at, auth, username, secret, set, none, noSecret }: AuthProps): JSX.Element {
  return (
    <div class="form-grid">
      <SelectField
        at={at}
        label="Credentials"
        value={auth}
        // A password is no token: what was set for the one is not kept for the other.
        set={(kind) => set({ auth: kind as AuthKind, secret: secretField(undefined) })}
        options={[
          ["none", none],
          ["basic", "Name and password"],
          ["bearer", "Bearer token"],
        ]}
      />
      {auth === "basic" && <TextField at={`${at}/username`} label="Name" value={username} set={(text) => set({ username: text })} />}
      {auth === "basic" && !noSecret && <SecretInput at={`${at}/password`} label="Password" value={secret} set={(one) => set({ secret: one })} />}
      {auth === "bearer" && !noSecret && <SecretInput at={`${at}/token`} label="Token" value={secret} set={(one) => set({ secret: one })} />}
    </div>
  );
}
