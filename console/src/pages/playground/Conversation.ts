import { send } from "../../api/client";
import { eventsOf } from "../../api/events";
import { requestOf, type Settings, type Turn } from "./request";

/** A message, as far as it has come. Never changed in place, so that only what is new is drawn again. */
export type Message = {
  id: number;
  role: "user" | "assistant";
  content: string;
  reasoning: string;
  toolCalls: { name: string; arguments: string }[];
  model?: string;
  finish?: string;
  error?: unknown;
  usage?: { input: number; cached: number; output: number };
  firstTokenMs?: number;
  tokensPerSecond?: number;
};

type State = { messages: readonly Message[]; isAnswering: boolean };

type Chunk = {
  choices?: {
    delta?: {
      content?: string | null;
      reasoning_content?: string | null;
      tool_calls?: { index: number; function?: { name?: string; arguments?: string } }[];
    };
    finish_reason?: string | null;
  }[];
  usage?: { prompt_tokens: number; completion_tokens?: number; prompt_tokens_details?: { cached_tokens?: number | null } | null } | null;
  error?: { message: string };
};

let lastId = 0;

/** One conversation with one model. It lives outside of React, so that it goes on while the reader looks elsewhere. */
export class Conversation {
  private state: State = { messages: [], isAnswering: false };
  private listeners = new Set<() => void>();
  private abort: AbortController | undefined;

  readonly subscribe = (listener: () => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly read = (): State => this.state;

  /** Says something and streams the answer. */
  async say(content: string, model: string, settings: Settings): Promise<void> {
    if (this.state.isAnswering) return;
    this.set({ messages: [...this.state.messages, message("user", content)] });
    await this.answer(model, settings);
  }

  /** Asks for another answer in place of the last one. */
  async answerAgain(model: string, settings: Settings): Promise<void> {
    if (this.state.isAnswering || this.state.messages.at(-1)?.role !== "assistant") return;
    this.set({ messages: this.state.messages.slice(0, -1) });
    await this.answer(model, settings);
  }

  /** Ends the answer that is coming; what has come stays. */
  stop() {
    this.abort?.abort();
  }

  /** Forgets everything. */
  clear() {
    this.stop();
    this.abort = undefined;
    this.set({ messages: [], isAnswering: false });
  }

  /** What would be sent: failed and empty answers are left out. */
  turns(): Turn[] {
    return this.state.messages
      .filter(({ role, content }) => role === "user" || content !== "")
      .map(({ role, content }) => ({ role, content }));
  }

  private async answer(model: string, settings: Settings): Promise<void> {
    const abort = new AbortController();
    this.abort = abort;
    const request = { ...requestOf(model, this.turns(), settings), stream_options: { include_usage: true } };
    let answer: Message = { ...message("assistant", ""), model };
    this.set({ messages: [...this.state.messages, answer], isAnswering: true });

    // Tokens come faster than a screen draws; they are shown once a frame.
    let frame = 0;
    const show = () => {
      frame = 0;
      if (this.abort === abort) this.set({ messages: [...this.state.messages.slice(0, -1), answer] });
    };
    const change = (more: Partial<Message>) => {
      answer = { ...answer, ...more };
      frame ||= requestAnimationFrame(show);
    };

    const began = performance.now();
    let firstAt: number | undefined;
    try {
      const response = await send("POST", "/v1/chat/completions", request, abort.signal);
      for await (const data of eventsOf(response.body!)) {
        if (data === "[DONE]") break;
        const chunk = JSON.parse(data) as Chunk;
        if (chunk.error) throw new Error(chunk.error.message);
        const choice = chunk.choices?.[0];
        const delta = choice?.delta;
        if (firstAt === undefined && (delta?.content || delta?.reasoning_content || delta?.tool_calls)) {
          firstAt = performance.now();
          change({ firstTokenMs: Math.round(firstAt - began) });
        }
        if (delta?.content) change({ content: answer.content + delta.content });
        if (delta?.reasoning_content) change({ reasoning: answer.reasoning + delta.reasoning_content });
        if (delta?.tool_calls) change({ toolCalls: withCalls(answer.toolCalls, delta.tool_calls) });
        if (choice?.finish_reason) change({ finish: choice.finish_reason });
        if (chunk.usage) {
          const { prompt_tokens: input, completion_tokens: output = 0, prompt_tokens_details: details } = chunk.usage;
          change({ usage: { input, output, cached: details?.cached_tokens ?? 0 } });
        }
      }
      const seconds = firstAt === undefined ? 0 : (performance.now() - firstAt) / 1000;
      // One token comes with the first moment; the rest take the time.
      if (seconds > 0.05 && answer.usage && answer.usage.output > 1) change({ tokensPerSecond: (answer.usage.output - 1) / seconds });
    } catch (error) {
      change(abort.signal.aborted ? { finish: "stopped" } : { error });
    } finally {
      cancelAnimationFrame(frame);
      show();
      if (this.abort === abort) this.set({ isAnswering: false });
    }
  }

  private set(more: Partial<State>) {
    this.state = { ...this.state, ...more };
    for (const listener of this.listeners) listener();
  }
}

function message(role: Message["role"], content: string): Message {
  return { id: ++lastId, role, content, reasoning: "", toolCalls: [] };
}

function withCalls(calls: Message["toolCalls"], deltas: { index: number; function?: { name?: string; arguments?: string } }[]) {
  const next = [...calls];
  for (const { index, function: part } of deltas) {
    const old = next[index] ?? { name: "", arguments: "" };
    next[index] = { name: old.name + (part?.name ?? ""), arguments: old.arguments + (part?.arguments ?? "") };
  }
  return next;
}
