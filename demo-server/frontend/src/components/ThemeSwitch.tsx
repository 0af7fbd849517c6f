import { Radio } from "@base-ui/react/radio";
import { RadioGroup } from "@base-ui/react/radio-group";
import { Monitor, Moon, Sun } from "lucide-react";
import { useSource } from "../hooks/use-source";
import { chooseTheme, themeChoice } from "../lib/theme";
import type { ThemeChoice } from "../lib/theme";

const CHOICES: [ThemeChoice, string, typeof Sun][] = [
  ["system", "As the system", Monitor],
  ["light", "Light", Sun],
  ["dark", "Dark", Moon],
];

export function ThemeSwitch() {
  const choice = useSource(themeChoice);
  return (
    <RadioGroup
      aria-label="Appearance"
      value={choice}
      onValueChange={(value) => chooseTheme(value as ThemeChoice)}
      className="flex gap-0.5 rounded-lg border border-line p-0.5"
    >
      {CHOICES.map(([value, label, Icon]) => (
        <Radio.Root
          key={value}
          value={value}
          aria-label={label}
          title={label}
          className="flex h-7 flex-1 cursor-pointer items-center justify-center rounded-md text-muted hover:text-text data-checked:bg-primary-tint data-checked:text-primary"
        >
          <Icon className="size-4" aria-hidden />
        </Radio.Root>
      ))}
    </RadioGroup>
  );
}
