import { describe, expect, it } from "vitest";
import { firstLanguage, LANGUAGES, textOf, type Messages } from "./messages";

const modules = import.meta.glob<Record<string, Messages>>("/src/**/messages.ts", { eager: true });
const sources = import.meta.glob<string>("/src/**/*.{ts,tsx}", { eager: true, query: "?raw", import: "default" });

const CATALOGUES = Object.entries(modules)
  .filter(([path]) => !path.startsWith("/src/i18n/"))
  .map(([path, module]) => ({ path, folder: path.slice(0, path.lastIndexOf("/") + 1), messages: Object.values(module)[0]! }));

/** The code that may use a catalogue: of its folder, or, for what is shared, all of it. */
function codeFor(folder: string): string {
  const isShared = folder === "/src/components/";
  return Object.entries(sources)
    .filter(([path]) => (isShared || path.startsWith(folder)) && !path.endsWith("messages.ts") && !path.includes(".test."))
    .map(([, code]) => code)
    .join("\n");
}

const placesOf = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort();

describe.each(CATALOGUES)("$path", ({ folder, messages }) => {
  const code = codeFor(folder);

  it("has every text in every language", () => {
    for (const [key, text] of Object.entries(messages)) {
      expect(text, key).toHaveLength(LANGUAGES.length);
      for (const one of text) expect(one.trim(), key).not.toBe("");
      expect(text[1], `${key} has ASCII punctuation after Chinese`).not.toMatch(/[\u4e00-\u9fff][,;?!]/);
    }
  });

  it("has the same places in every language", () => {
    for (const [key, [en, zh]] of Object.entries(messages)) expect(placesOf(zh), key).toEqual(placesOf(en));
  });

  it("has no text that is not used", () => {
    const unused = Object.keys(messages).filter((key) => !code.includes(`"${key}"`) && !code.includes(`t(${key}`));
    expect(unused).toEqual([]);
  });
});

describe("texts in code", () => {
  it("are all known: every key that is asked for stands in a catalogue that the file uses", () => {
    const shared = CATALOGUES.find(({ folder }) => folder === "/src/components/")!.messages;
    for (const [path, code] of Object.entries(sources)) {
      if (path.includes(".test.") || path.endsWith("messages.ts")) continue;
      const own = CATALOGUES.find(({ folder }) => path.startsWith(folder))?.messages ?? {};
      for (const [, key] of code.matchAll(/\b[ts]\("([\w.]+)"/g)) expect({ ...shared, ...own }, `${path}: ${key}`).toHaveProperty([key!]);
    }
  });

  it("are not written beside the catalogues", () => {
    for (const [path, code] of Object.entries(sources)) {
      if (path.includes(".test.") || path.endsWith("messages.ts")) continue;
      // Titles of pages and names of payment providers are the Chinese that stands in code.
      const rest = code.replace(/title: \["[^"]+", "[^"]+"\]/g, "").replace(/label: "(Alipay|WeChat Pay) · [^"]+"/g, "");
      expect(rest, path).not.toMatch(/[\u4e00-\u9fff]/);
    }
  });
});

describe("textOf", () => {
  it("fills places and leaves those without a value", () => {
    expect(textOf(["{a} of {b}", "{b} 中的 {a}"], "zh", { a: 1, b: "x" })).toBe("x 中的 1");
    expect(textOf(["{a} of {b}", ""], "en", { a: 1 })).toBe("1 of {b}");
  });
});

describe("firstLanguage", () => {
  it("prefers what was chosen, then what the browser wants, then English", () => {
    expect(firstLanguage("zh", ["en"])).toBe("zh");
    expect(firstLanguage(null, ["fr-FR", "zh-Hans-CN", "en"])).toBe("zh");
    expect(firstLanguage("xx", ["fr"])).toBe("en");
  });
});
