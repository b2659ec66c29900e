import { describe, expect, it } from "vitest";
import { byKey, totalOf, type UsageRow } from "./usage";

const row = (key: string, nanos: bigint, calls = 1): UsageRow => ({ day: 0, key, calls, input: 10, cached: 2, output: 5, nanos });

describe("sums of usage", () => {
  it("are exact", () => {
    expect(totalOf([row("a", 1n), row("b", 9_007_199_254_740_993n)]).cost).toBe("9007199.254740994");
  });

  it("are by key, the most expensive and then the busiest first", () => {
    const groups = byKey([row("cheap", 1n), row("dear", 5n), row("dear", 5n), row("busy", 1n, 9)]);
    expect(groups.map(({ key, calls, cost }) => [key, calls, cost])).toEqual([
      ["dear", 2, "0.00000001"],
      ["busy", 9, "0.000000001"],
      ["cheap", 1, "0.000000001"],
    ]);
  });
});
