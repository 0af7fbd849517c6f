import type { ComponentProps } from "react";

const KINDS = {
  primary: "bg-primary text-on-primary hover:bg-primary-strong border-transparent",
  plain: "bg-surface text-text border-line hover:bg-hover",
  quiet: "bg-transparent text-text border-transparent hover:bg-hover",
};

const SHAPE =
  "inline-flex min-h-9 shrink-0 cursor-pointer items-center justify-center gap-2 rounded-lg border px-3.5 text-body font-medium " +
  "whitespace-nowrap transition-colors disabled:cursor-default disabled:opacity-60 aria-disabled:cursor-default aria-disabled:opacity-60";

export function buttonClass(kind: keyof typeof KINDS = "plain"): string {
  return `${SHAPE} ${KINDS[kind]}`;
}

export function Button({ kind = "plain", className = "", ...rest }: ComponentProps<"button"> & { kind?: keyof typeof KINDS }) {
  return <button type="button" className={`${buttonClass(kind)} ${className}`} {...rest} />;
}
