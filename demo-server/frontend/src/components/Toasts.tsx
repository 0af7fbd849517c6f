import { CircleCheck, CircleX, Info, TriangleAlert } from "lucide-react";
import { Toaster } from "sonner";
import { useSource } from "../hooks/use-source";
import { theme } from "../lib/theme";

const icons = {
  success: <CircleCheck className="size-4.5 text-success" aria-hidden />,
  error: <CircleX className="size-4.5 text-danger" aria-hidden />,
  warning: <TriangleAlert className="size-4.5 text-warning" aria-hidden />,
  info: <Info className="size-4.5 text-primary" aria-hidden />,
};

export function Toasts() {
  const current = useSource(theme);
  return (
    <Toaster
      className="toaster"
      theme={current}
      position="bottom-right"
      duration={6000}
      icons={icons}
      closeButton
      containerAriaLabel="Messages"
    />
  );
}
