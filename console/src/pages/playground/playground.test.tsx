import { createElement } from "react";
import ReactMarkdown from "react-markdown";
import { renderToStaticMarkup } from "react-dom/server";
import { describe, expect, it } from "vitest";
import { NO_SETTINGS, parseTools, requestOf } from "./request";
import { pythonLiteral, showCode } from "./showCode";

const turns = [{ role: "user" as const, content: `It's "5" o'clock\n你好` }];

describe("a request", () => {
  it("has only what was set", () => {
    expect(requestOf("m", turns, NO_SETTINGS)).toEqual({ model: "m", messages: turns, stream: true });
    const request = requestOf("m", turns, { ...NO_SETTINGS, system: "Be brief.", temperature: 0, stop: ["END"], tools: '[{"type":"function"}]' });
    expect(request).toMatchObject({ temperature: 0, stop: ["END"], tools: [{ type: "function" }] });
    expect(request.messages).toEqual([{ role: "system", content: "Be brief." }, ...turns]);
  });

  it("takes tools only as a list", () => {
    expect(parseTools(" ")).toEqual([]);
    expect(parseTools("{}")).toBeUndefined();
    expect(parseTools("[")).toBeUndefined();
  });
});

describe("code", () => {
  it("is quoted for a shell", () => {
    const { curl } = showCode("https://x/v1", { messages: turns });
    expect(curl).toContain(`It'\\''s \\"5\\" o'\\''clock\\n你好`);
  });

  it("has Python's own words", () => {
    expect(pythonLiteral({ a: [true, false, null, 1.5], b: {}, c: [] })).toBe('{\n    "a": [\n        True,\n        False,\n        None,\n        1.5,\n    ],\n    "b": {},\n    "c": [],\n}');
  });
});

describe("what a model writes", () => {
  it("becomes no element and no address that runs", () => {
    const hostile = '<script>alert(1)</script>\n\n<img src=x onerror=alert(1)>\n\n<svg onload=alert(1)>\n\n[x](javascript:alert(1)) [y](data:text/html,hi)';
    const html = renderToStaticMarkup(createElement(ReactMarkdown, null, hostile));
    expect(html).not.toMatch(/<(script|img|svg)/);
    expect(html).not.toMatch(/href="(javascript|data):/);
  });
});
