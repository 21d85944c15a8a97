// Logging in; and on a server that nobody can log in to yet, making its first administrator.

import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { needsLogin, post } from "../api/client";
import { MistakesContext, TextField } from "../edit/fields";
import { mistakesOf, Summary } from "../edit/Summary";
import { useSave } from "../edit/useSave";
import { go, place } from "../router";
import { loadMe, logIn, me, type Me } from "../session";
import "../styles/login.css";
import { Button } from "../ui/Button";

/** Where to go on to: places of this page only. */
function next(): string {
  const wanted = place.peek().query.get("next") ?? "/";
  return wanted.startsWith("/") && !wanted.startsWith("//") && !wanted.startsWith("/ui/login") ? wanted : "/";
}

export default function LoginPage(): JSX.Element {
  const [first, setFirst] = useState(place.value.query.get("first") === "1");
  const here = me.value;
  return (
    <div class="login">
      <div class="login-box panel">
        <p class="login-brand">
          <svg width="26" height="26" viewBox="0 0 24 24" aria-hidden="true">
            <path d="M3 7V4h4M17 4h4v3M21 17v3h-4M7 20H3v-3M7 12h2.500l2-4 2.500 8 1.500-4H18" />
          </svg>
          Sightglass
        </p>
        {here && !needsLogin.value && (
          <p class="hint">
            {here.authentication ? `You are logged in as ${here.name ?? "somebody"}.` : "This server asks nobody to log in."} <a href={place.value.path} onClick={(event) => {
              event.preventDefault();
              go(next());
            }}>Go on</a>
          </p>
        )}
        {first ? <FirstAdmin /> : <LogIn />}
        <Button kind="quiet" onClick={() => setFirst(!first)}>
          {first ? "Back to logging in" : "Nobody can log in yet? Make the first administrator"}
        </Button>
      </div>
    </div>
  );
}

function LogIn(): JSX.Element {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const save = useSave();
  const form = useFocus();
  const submit = async (): Promise<void> => {
    const done = await save.run(() => logIn(name.trim(), password));
    if (done) go(next(), { replace: true });
    else setPassword("");
  };
  return (
    <form
      ref={form}
      class="stack"
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <h1>Log in</h1>
      <Summary problem={save.problem} />
      <TextField at="/name" label="Name" value={name} set={setName} autocomplete="username" autofocus />
      <TextField at="/password" label="Password" type="password" value={password} set={setPassword} autocomplete="current-password" />
      <Button kind="primary" type="submit" busy={save.busy} disabled={name.trim() === "" || password === ""}>
        Log in
      </Button>
      {save.problem?.retryAfter != null && <p class="hint">Try again in {save.problem.retryAfter} s.</p>}
    </form>
  );
}

function FirstAdmin(): JSX.Element {
  const [token, setToken] = useState("");
  const [name, setName] = useState("admin");
  const [password, setPassword] = useState("");
  const [again, setAgain] = useState("");
  const save = useSave();
  const form = useFocus();
  const differs = again !== "" && again !== password;
  const submit = async (): Promise<void> => {
    const done = await save.run(async () => {
      me.value = await post<Me>("bootstrap", { token: token.trim(), name: name.trim(), password });
      needsLogin.value = false;
    });
    if (!done) return;
    await loadMe().catch(() => undefined);
    go(next(), { replace: true });
  };
  return (
    <MistakesContext.Provider value={mistakesOf(save.problem)}>
      <form
        ref={form}
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <h1>First administrator</h1>
        <p class="hint">When a server starts that nobody can log in to, it prints a one-time token on standard error (journalctl, docker logs). It is good for an hour.</p>
        <Summary problem={save.problem} />
        <TextField at="/token" label="One-time token" value={token} set={setToken} mono autofocus />
        <TextField at="/name" label="Name" value={name} set={setName} autocomplete="username" hint="Small letters, digits and . _ @ -" />
        <TextField at="/password" label="Password" type="password" value={password} set={setPassword} autocomplete="new-password" hint="12 characters at least" />
        <TextField at="/again" label="Password again" type="password" value={again} set={setAgain} autocomplete="new-password" hint={differs ? "The two differ" : undefined} />
        <Button kind="primary" type="submit" busy={save.busy} disabled={token.trim() === "" || name.trim() === "" || password === "" || again !== password}>
          Make the administrator
        </Button>
      </form>
    </MistakesContext.Provider>
  );
}

/** The first field has the focus: there is nothing else to do here. */
function useFocus(): { current: HTMLFormElement | null } {
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => form.current?.querySelector<HTMLElement>("[autofocus]")?.focus(), []);
  return form;
}
