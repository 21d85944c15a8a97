// Every stream at a glance.

import { useComputed } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { live } from "../live";
import { href, setQuery } from "../router";
import { mayOperate } from "../session";
import { Button } from "../ui/Button";
import { Empty, Loading } from "../ui/Trouble";
import { Grid } from "./Grid";
import { Toolbar } from "./Toolbar";
import { arranged, startOrder } from "./view";
import "./wall.css";

function NoStreams(): JSX.Element {
  return (
    <Empty>
      <h1>No streams yet</h1>
      <p>Each stream that is added shows here: its picture, how it is, and who watches it.</p>
      {mayOperate.value && (
        <p class="row">
          <a class="button primary" href={href("/ui/new")}>
            Add a stream
          </a>
          <a class="button" href={href("/ui/import")}>
            Import a playlist
          </a>
        </p>
      )}
    </Empty>
  );
}

const NoMatch = (): JSX.Element => (
  <Empty>
    <h2>No stream is like that</h2>
    <Button onClick={() => setQuery({ q: null, status: null, group: null })}>Show all</Button>
  </Empty>
);

export default function WallPage(_: { params: Record<string, string> }): JSX.Element {
  useEffect(startOrder, []);
  useEffect(() => {
    // Who looks at the wall will want to watch: the player shall be here by then.
    const timer = setTimeout(() => void import("../player/PlayerPage").then(() => import("../player/hls")).then((hls) => hls.loadHls()).catch(() => undefined), 1500);
    return () => clearTimeout(timer);
  }, []);
  const none = useComputed(() => live.ids.value.length === 0);
  const nothing = useComputed(() => arranged.value.shown === 0);
  if (!live.ready.value) return <Loading what="Asking how the streams are" />;
  if (none.value) return <NoStreams />;
  return (
    <div class="wall">
      <Toolbar />
      {nothing.value ? <NoMatch /> : <Grid />}
    </div>
  );
}
