import { JsonInput, NumberInput, Stack, TagsInput, Textarea } from "@mantine/core";
import { useMessages } from "../../i18n/language";
import { messages } from "./messages";
import { parseTools, type Settings } from "./request";

type Props = { settings: Settings; onChange: (settings: Settings) => void };

/** The parameters of a call. */
export function SettingsForm({ settings, onChange }: Props) {
  const t = useMessages(messages);
  const number = (key: "temperature" | "topP" | "maxTokens" | "seed") => ({
    value: settings[key],
    onChange: (value: number | string) => onChange({ ...settings, [key]: typeof value === "number" ? value : "" }),
  });
  return (
    <Stack>
      <Textarea label={t("system")} description={t("systemHint")} autosize minRows={3} maxRows={10} value={settings.system} onChange={(e) => onChange({ ...settings, system: e.currentTarget.value })} />
      <NumberInput label={t("temperature")} min={0} max={2} step={0.1} {...number("temperature")} />
      <NumberInput label={t("topP")} min={0} max={1} step={0.05} {...number("topP")} />
      <NumberInput label={t("maxTokens")} min={1} allowDecimal={false} {...number("maxTokens")} />
      <NumberInput label={t("seed")} description={t("seedHint")} allowDecimal={false} {...number("seed")} />
      <TagsInput label={t("stopAt")} description={t("stopAtHint")} maxTags={4} value={settings.stop} onChange={(stop) => onChange({ ...settings, stop })} />
      <JsonInput
        label={t("tools")}
        description={t("toolsHint")}
        autosize
        minRows={3}
        maxRows={12}
        value={settings.tools}
        onChange={(tools) => onChange({ ...settings, tools })}
        error={parseTools(settings.tools) === undefined && t("toolsWrong")}
      />
    </Stack>
  );
}
