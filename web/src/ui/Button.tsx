import type { ComponentChildren, JSX } from "preact";
import { Icon, type IconName } from "./Icon";

type Native = Omit<JSX.ButtonHTMLAttributes<HTMLButtonElement>, "icon" | "label">;

interface ButtonProps extends Native {
  kind?: "plain" | "primary" | "danger" | "quiet";
  icon?: IconName;
  /** Something is under way: it cannot be pressed again. */
  busy?: boolean;
  children?: ComponentChildren;
}

export function Button({ kind = "plain", icon, busy = false, children, class: more, disabled, ...rest }: ButtonProps): JSX.Element {
  return (
    <button type="button" {...rest} class={`button ${kind} ${String(more ?? "")}`} disabled={disabled || busy} aria-busy={busy}>
      {icon && <Icon name={icon} />}
      {children}
    </button>
  );
}

interface IconButtonProps extends Native {
  icon: IconName;
  /** What it does: read out, and shown as a tip. */
  label: string;
}

export function IconButton({ icon, label, class: more, ...rest }: IconButtonProps): JSX.Element {
  return (
    <button type="button" {...rest} class={`button icon-only ${String(more ?? "quiet")}`} aria-label={label} title={label}>
      <Icon name={icon} />
    </button>
  );
}
