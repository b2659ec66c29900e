import { describe, expect, it } from "vitest";
import type { Access } from "../api/session";
import { mayOpen } from "../shell/session";
import { pages } from ".";
import { toCsv } from "./usage/csv";

const access = (more: Partial<Access>): Access => ({ models: "none", usage: "none", billing: "none", people: "none", audit: "none", settings: "none", calls: false, ...more });
const open = (of: Access) => pages.filter(({ needs }) => mayOpen(of, needs)).map(({ path }) => path);

describe("pages", () => {
  it("have addresses of their own and titles in both languages", () => {
    expect(new Set(pages.map(({ path }) => path)).size).toBe(pages.length);
    for (const { title } of pages) expect(title.every((text) => text.trim())).toBe(true);
  });

  it("open by access", () => {
    expect(open(access({}))).toEqual(["/", "/account"]);
    expect(open(access({ models: "read", usage: "read", calls: true }))).toEqual(["/", "/playground", "/models", "/usage", "/calls", "/keys", "/account"]);
    expect(open(access({ billing: "write", people: "read", settings: "read" }))).toEqual(["/", "/billing", "/keys", "/people", "/settings", "/account"]);
  });
});

describe("a CSV of usage", () => {
  it("quotes, keeps all digits and holds no formula", () => {
    const rows = [{ day: 0, key: "=cmd()", calls: 1, input: 2, cached: 0, output: 3, nanos: 1n }];
    expect(toCsv(rows, "USD", () => "2026-11-25", () => 'a "b", c')).toBe(
      'day,id,name,calls,input_tokens,cached_tokens,output_tokens,cost,currency\r\n2026-11-25,\'=cmd(),"a ""b"", c",1,2,0,3,0.000000001,USD\r\n',
    );
  });
});
