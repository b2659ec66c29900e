import { describe, expect, it } from "vitest";
import { eventsOf } from "./events";

function stream(...parts: (string | Uint8Array)[]): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream({
    start(controller) {
      for (const part of parts) controller.enqueue(typeof part === "string" ? encoder.encode(part) : part);
      controller.close();
    },
  });
}

async function all(body: ReadableStream<Uint8Array>): Promise<string[]> {
  const found = [];
  for await (const data of eventsOf(body)) found.push(data);
  return found;
}

describe("server-sent events", () => {
  it("are read whatever pieces they come in", async () => {
    expect(await all(stream("data: a\n\ndata: b\n\n"))).toEqual(["a", "b"]);
    expect(await all(stream("da", "ta: a", "\r", "\n\r\nda", "ta:b\n", "\n"))).toEqual(["a", "b"]);
  });

  it("keep characters that are cut between two pieces", async () => {
    const bytes = new TextEncoder().encode("data: 你好\n\n");
    expect(await all(stream(bytes.slice(0, 8), bytes.slice(8)))).toEqual(["你好"]);
  });

  it("pass over comments and other fields, and join lines of data", async () => {
    expect(await all(stream(": ping\n\nevent: x\nid: 1\ndata: a\ndata: b\n\n"))).toEqual(["a\nb"]);
  });
});
