import { render } from "preact";
import { App } from "./app";
import { startRouter } from "./router";
import { startTheme } from "./theme";
import { startClock } from "./ui/Time";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/controls.css";
import "./styles/frame.css";

startTheme();
startRouter();
startClock();
const root = document.getElementById("app");
if (root) render(<App />, root);
