import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

interface CardProps {
  title: string;
  /** The number that matters most, beside the title. */
  value?: ComponentChildren;
  wide?: boolean;
  children: ComponentChildren;
}

export function Card({ title, value, wide = false, children }: CardProps) {
  const id = useId();
  return (
    <section class={`sysmon-card ${wide ? "sysmon-wide" : ""}`} aria-labelledby={id}>
      <header>
        <h2 id={id}>{title}</h2>
        {value !== undefined && <div class="sysmon-value">{value}</div>}
      </header>
      {children}
    </section>
  );
}

/** A bar that only repeats what is written beside it. */
export function Bar({ percent, isAlarming = false }: { percent: number; isAlarming?: boolean }) {
  const width = `${Math.min(Math.max(percent, 0), 100)}%`;
  return (
    <div class={`sysmon-bar ${isAlarming ? "sysmon-alarming" : ""}`} aria-hidden="true">
      <div style={{ width }} />
    </div>
  );
}
