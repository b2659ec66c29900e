/** What is asked of a model besides the messages. What is not set is not sent: the platform's defaults hold. */
export type Settings = {
  system: string;
  temperature: number | "";
  topP: number | "";
  maxTokens: number | "";
  seed: number | "";
  stop: string[];
  /** A JSON list of tools, as it was typed. */
  tools: string;
};

/** Settings before anything is set. */
export const NO_SETTINGS: Settings = { system: "", temperature: "", topP: "", maxTokens: "", seed: "", stop: [], tools: "" };

/** A message of a request. */
export type Turn = { role: "system" | "user" | "assistant"; content: string };

/** The tools that were typed; nothing where they are no JSON list. */
export function parseTools(text: string): object[] | undefined {
  if (text.trim() === "") return [];
  try {
    const tools: unknown = JSON.parse(text);
    return Array.isArray(tools) ? tools : undefined;
  } catch {
    return undefined;
  }
}

/** The body of a request in the OpenAI API's form. */
export function requestOf(model: string, turns: readonly Turn[], settings: Settings): Record<string, unknown> {
  const { system, temperature, topP, maxTokens, seed, stop, tools } = settings;
  const messages: Turn[] = system.trim() ? [{ role: "system", content: system }, ...turns] : [...turns];
  const parsed = parseTools(tools) ?? [];
  return {
    model,
    messages,
    ...(temperature !== "" && { temperature }),
    ...(topP !== "" && { top_p: topP }),
    ...(maxTokens !== "" && { max_tokens: maxTokens }),
    ...(seed !== "" && { seed }),
    ...(stop.length > 0 && { stop }),
    ...(parsed.length > 0 && { tools: parsed }),
    stream: true,
  };
}
