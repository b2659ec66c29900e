/** The parts of a call's time, in milliseconds. What is not known is absent. */
export type Timeline = { queue: number; prompt?: number; answer?: number };

type Times = { queue_ms: number; first_token_ms?: number | null; duration_ms: number };

/** Reads the three moments of a call as three stretches of time. They are told apart on clocks of their own, so none is below zero. */
export function timelineOf({ queue_ms, first_token_ms, duration_ms }: Times): Timeline {
  const queue = Math.min(queue_ms, duration_ms);
  if (first_token_ms == null) return { queue };
  const first = Math.min(first_token_ms, duration_ms);
  return { queue, prompt: Math.max(first - queue, 0), answer: duration_ms - first };
}
