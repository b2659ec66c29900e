import { describe, expect, it } from "vitest";
import { formatMoney, fromHundredths, fromNanos, isAmount, toHundredths, toNanos } from "./money";

describe("amounts", () => {
  it("go to billionths and back without loss", () => {
    for (const amount of ["0", "1", "0.000000001", "123456789012.987654321", "-0.5", "250"]) expect(fromNanos(toNanos(amount))).toBe(amount);
    expect(fromNanos(toNanos("250.000000000"))).toBe("250");
    expect(toNanos("0.1") + toNanos("0.2")).toBe(toNanos("0.3"));
  });

  it("are refused where they are none", () => {
    for (const text of ["", "1e3", "1,5", "NaN", "--1", "1."]) expect(() => toNanos(text)).toThrow(RangeError);
    expect(["10", "0.01"].every(isAmount)).toBe(true);
    expect(["0", "0.00", "-1", "", "abc", "0.0000000001"].some(isAmount)).toBe(false);
  });

  it("keep every digit when they are formatted", () => {
    expect(formatMoney("9007199254740993.000000001", "USD", "en-US")).toBe("$9,007,199,254,740,993.000000001");
    expect(formatMoney("250.000000000", "usd", "en-US")).toBe("$250.00");
    expect(formatMoney("0.00002992", "CNY", "zh-CN")).toBe("¥0.00002992");
    expect(formatMoney("1", "not a currency", "en-US")).toBe("1 not a currency");
  });

  it("are hundredths only where they have no finer digits", () => {
    expect(toHundredths("50")).toBe(5000);
    expect(toHundredths("0.29")).toBe(29);
    expect(toHundredths("0.295")).toBeUndefined();
    expect(fromHundredths(5000)).toBe("50");
  });
});
