import { ActionIcon, Button, useComputedColorScheme, useMantineColorScheme } from "@mantine/core";
import { IconMoon, IconSun } from "@tabler/icons-react";
import { useLanguage, useMessages } from "../i18n/language";
import { messages } from "./messages";

/** Changes to the other language, which is named in itself. */
export function LanguageSwitch() {
  const t = useMessages(messages);
  const { language, setLanguage } = useLanguage();
  const other = language === "en" ? "zh" : "en";
  return (
    <Button variant="subtle" color="gray" size="compact-sm" lang={other === "zh" ? "zh-CN" : "en"} onClick={() => setLanguage(other)}>
      {t("languageOther")}
    </Button>
  );
}

/** Changes between light and dark. */
export function SchemeSwitch() {
  const t = useMessages(messages);
  const { setColorScheme } = useMantineColorScheme();
  const isDark = useComputedColorScheme("light") === "dark";
  return (
    <ActionIcon onClick={() => setColorScheme(isDark ? "light" : "dark")} aria-label={isDark ? t("light") : t("dark")}>
      {isDark ? <IconSun size={18} aria-hidden /> : <IconMoon size={18} aria-hidden />}
    </ActionIcon>
  );
}
