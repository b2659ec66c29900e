import { createContext, useCallback, useContext, useEffect, useMemo, useState, type ReactNode } from "react";
import { LANGUAGES, firstLanguage, textOf, type Language, type Messages, type Text, type Values } from "./messages";

const STORED = "tenfold.language";

type LanguageState = { language: Language; locale: string; setLanguage: (language: Language) => void };

const LanguageContext = createContext<LanguageState | null>(null);

/** Gives the language to everything below it. */
export function LanguageProvider({ children }: { children: ReactNode }) {
  const [language, setLanguage] = useState<Language>(() =>
    firstLanguage(localStorage.getItem(STORED), navigator.languages),
  );
  useEffect(() => {
    document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  }, [language]);
  const state = useMemo(
    () => ({
      language,
      locale: localeOf(language),
      setLanguage: (next: Language) => {
        localStorage.setItem(STORED, next);
        setLanguage(next);
      },
    }),
    [language],
  );
  return <LanguageContext value={state}>{children}</LanguageContext>;
}

// The region decides how dates and numbers are written, so the browser's is kept where it fits.
function localeOf(language: Language): string {
  const own = navigator.languages.find((tag) => tag.toLowerCase().startsWith(language));
  return own ?? (language === "zh" ? "zh-CN" : "en-GB");
}

/** The language, its locale for `Intl`, and how to change it. */
export function useLanguage(): LanguageState {
  const state = useContext(LanguageContext);
  if (!state) throw new Error("outside of LanguageProvider");
  return state;
}

/** The function that gives a page's or component's texts by key, in the reader's language. */
export function useMessages<M extends Messages>(messages: M) {
  const { language } = useLanguage();
  return useCallback(
    (key: keyof M & string, values?: Values) => textOf(messages[key]!, language, values),
    [messages, language],
  );
}

/** One text in the reader's language. */
export function useText(): (text: Text, values?: Values) => string {
  const { language } = useLanguage();
  return useCallback((text, values) => textOf(text, language, values), [language]);
}

export { LANGUAGES, type Language };
