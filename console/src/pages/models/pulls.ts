import { useSyncExternalStore } from "react";
import { ApiError, send } from "../../api/client";
import { eventsOf } from "../../api/events";

/** How far a pull is, or why it ended early. */
export type Pull = { stage: string; done: number; total: number; error?: unknown };

type Event = { object?: string; stage?: string; bytes_done?: number; bytes_total?: number; error?: { message: string; code?: string | null } };

let pulls: Readonly<Record<string, Pull>> = {};
const listeners = new Set<() => void>();

function set(id: string, pull: Pull | undefined) {
  const { [id]: _, ...others } = pulls;
  pulls = pull ? { ...others, [id]: pull } : others;
  for (const listener of listeners) listener();
}

/** The pulls that run or have failed, by model. They live outside of React and go on while the reader looks elsewhere. */
export function usePulls(): Readonly<Record<string, Pull>> {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => pulls,
  );
}

/** Pulls a model and follows how it goes. Pulls of one model share one download, so to ask twice does no harm. */
export async function pull(id: string, onInstalled: () => Promise<unknown>): Promise<void> {
  set(id, { stage: "checking", done: 0, total: 0 });
  try {
    const response = await send("POST", `/v1/catalog/${encodeURIComponent(id)}/pull`, { stream: true });
    const requestId = response.headers.get("x-request-id");
    for await (const data of eventsOf(response.body!)) {
      if (data === "[DONE]") break;
      const event = JSON.parse(data) as Event;
      if (event.error) throw new ApiError(event.error.message, 502, event.error.code ?? null, null, requestId);
      if (event.stage) set(id, { stage: event.stage, done: event.bytes_done ?? 0, total: event.bytes_total ?? 0 });
    }
    await onInstalled();
    set(id, undefined);
  } catch (error) {
    set(id, { stage: "", done: 0, total: 0, error });
  }
}
