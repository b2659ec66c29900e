import { describe, expect, it } from "vitest";
import { endOfDay, pastMonths, startOfDay } from "./zone";

const at = (text: string) => Date.parse(text) / 1000;

describe("days of a zone", () => {
  it("begin at its midnight", () => {
    expect(startOfDay(at("2026-11-25T15:59:59Z"), "Asia/Shanghai")).toBe(at("2026-11-24T16:00:00Z"));
    expect(startOfDay(at("2026-11-25T16:00:00Z"), "Asia/Shanghai")).toBe(at("2026-11-25T16:00:00Z"));
    expect(startOfDay(at("2026-11-25T12:00:00Z"), "UTC", 13)).toBe(at("2026-11-12T00:00:00Z"));
  });

  it("begin right on and around the days on which clocks change", () => {
    // In 2026 New York leaves summer time on 1 November at 2 o'clock.
    expect(startOfDay(at("2026-11-01T20:00:00Z"), "America/New_York")).toBe(at("2026-11-01T04:00:00Z"));
    expect(startOfDay(at("2026-11-02T20:00:00Z"), "America/New_York")).toBe(at("2026-11-02T05:00:00Z"));
    expect(startOfDay(at("2026-11-02T20:00:00Z"), "America/New_York", 1)).toBe(at("2026-11-01T04:00:00Z"));
  });

  it("end a second before the next", () => {
    expect(endOfDay("2026-12-31", "Asia/Shanghai")).toBe(at("2026-12-31T15:59:59Z"));
  });
});

describe("months that are over", () => {
  it("are those of the zone, newest first", () => {
    // In Shanghai it is January already.
    expect(pastMonths(at("2026-12-31T20:00:00Z"), "Asia/Shanghai", 2)).toEqual(["2026-12", "2026-11"]);
    expect(pastMonths(at("2026-12-31T20:00:00Z"), "UTC", 2)).toEqual(["2026-11", "2026-10"]);
  });
});
