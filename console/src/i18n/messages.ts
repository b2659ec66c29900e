/** One text in every language of the console: English, then Chinese. */
export type Text = readonly [en: string, zh: string];

/** The texts of one page or component, by key. `{name}` in a text is a place for a value. */
export type Messages = Readonly<Record<string, Text>>;

/** The languages, in the order in which a `Text` has them. */
export const LANGUAGES = ["en", "zh"] as const;

/** A language of the console. */
export type Language = (typeof LANGUAGES)[number];

/** Values for the places in a text. */
export type Values = Readonly<Record<string, string | number>>;

/** A text in a language, with its places filled. */
export function textOf(text: Text, language: Language, values: Values = {}): string {
  return text[LANGUAGES.indexOf(language)]!.replace(/\{(\w+)\}/g, (place, name: string) => String(values[name] ?? place));
}

/** The language that was chosen here before, or else the browser's. */
export function firstLanguage(stored: string | null, wanted: readonly string[]): Language {
  const known = LANGUAGES.find((language) => language === stored);
  if (known) return known;
  for (const tag of wanted) {
    const match = LANGUAGES.find((language) => tag.toLowerCase().startsWith(language));
    if (match) return match;
  }
  return "en";
}
