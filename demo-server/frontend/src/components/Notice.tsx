import { CircleX, Info, TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";

const KINDS = {
  danger: { Icon: CircleX, box: "bg-danger-tint", icon: "text-danger" },
  warning: { Icon: TriangleAlert, box: "bg-warning-tint", icon: "text-warning" },
  info: { Icon: Info, box: "bg-primary-tint", icon: "text-primary" },
};

export interface NoticeProps {
  kind: keyof typeof KINDS;
  title?: string | undefined;
  children?: ReactNode;
  /** What can be done about it. */
  action?: ReactNode;
  role?: "alert" | "status";
}

/** Something to know before going on. */
export function Notice({ kind, title, children, action, role }: NoticeProps) {
  const { Icon, box, icon } = KINDS[kind];
  return (
    <div role={role} className={`flex flex-wrap items-center gap-x-4 gap-y-3 rounded-card px-4 py-3 ${box}`}>
      <div className="flex min-w-0 flex-1 basis-64 gap-3">
        <Icon className={`mt-0.5 size-5 shrink-0 ${icon}`} aria-hidden />
        <div className="min-w-0 wrap-anywhere">
          {title && <p className="font-medium">{title}</p>}
          {children}
        </div>
      </div>
      {action}
    </div>
  );
}
