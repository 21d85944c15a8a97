// Who one is here, and one's own password.

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { post } from "../api/client";
import { MistakesContext, TextField } from "../edit/fields";
import { mistakesOf, Summary } from "../edit/Summary";
import { useSave } from "../edit/useSave";
import { me, type Me } from "../session";
import { Button } from "../ui/Button";
import { toast } from "../ui/Toast";

export function Password(): JSX.Element {
  const who = me.value;
  return (
    <div class="stack">
      <section class="panel">
        <h2>You</h2>
        {who?.kind === "user" ? (
          <p>
            {who.name}, {who.role}
          </p>
        ) : who?.kind === "token" ? (
          <p>The token {who.name}</p>
        ) : (
          <p>This server asks nobody to log in: whoever reaches it may do everything. As soon as there is a user or a token everybody must say who they are.</p>
        )}
        <p class="hint">Permissions: {(who?.permissions ?? []).filter((one) => one !== "public" && one !== "own").join(", ")}</p>
      </section>
      {who?.kind === "user" && <Change />}
    </div>
  );
}

function Change(): JSX.Element {
  const [old, setOld] = useState("");
  const [password, setPassword] = useState("");
  const [again, setAgain] = useState("");
  const save = useSave();
  const submit = async (): Promise<void> => {
    const done = await save.run(async () => {
      me.value = await post<Me>("me/password", { old, password });
    });
    if (!done) return;
    setOld("");
    setPassword("");
    setAgain("");
    toast("Your password was changed. All your other sessions have ended.");
  };
  return (
    <MistakesContext.Provider value={mistakesOf(save.problem)}>
      <form
        class="panel settings-narrow"
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <h2>Your password</h2>
        <div class="stack">
          <Summary problem={save.problem} />
          {/* Password managers want to know whose it is. */}
          <input type="text" name="username" autocomplete="username" value={me.value?.name ?? ""} readOnly hidden />
          <TextField at="/old" label="Current password" type="password" value={old} set={setOld} autocomplete="current-password" />
          <TextField at="/password" label="New password" type="password" value={password} set={setPassword} autocomplete="new-password" hint="12 characters at least" />
          <TextField at="/again" label="New password again" type="password" value={again} set={setAgain} autocomplete="new-password" hint={again !== "" && again !== password ? "The two differ" : undefined} />
          <div>
            <Button kind="primary" type="submit" busy={save.busy} disabled={old === "" || password === "" || again !== password}>
              Change password
            </Button>
          </div>
        </div>
      </form>
    </MistakesContext.Provider>
  );
}
