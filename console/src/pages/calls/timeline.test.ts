import { expect, test } from "vitest";
import { timelineOf } from "./timeline";

test("the parts of a call add up to its time", () => {
  expect(timelineOf({ queue_ms: 2, first_token_ms: 30, duration_ms: 1000 })).toEqual({ queue: 2, prompt: 28, answer: 970 });
});

test("a call without a first token has no prompt and no answer", () => {
  expect(timelineOf({ queue_ms: 2, first_token_ms: null, duration_ms: 5 })).toEqual({ queue: 2 });
});

test("no part is below zero, whatever the clocks say", () => {
  expect(timelineOf({ queue_ms: 9, first_token_ms: 7, duration_ms: 8 })).toEqual({ queue: 8, prompt: 0, answer: 1 });
});
