type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** The same request as a program would make it. */
export function showCode(baseUrl: string, request: Record<string, unknown>) {
  const body = request as { readonly [key: string]: Json };
  return { curl: curl(baseUrl, body), python: python(baseUrl, body), node: node(baseUrl, body) };
}

function curl(baseUrl: string, body: Json): string {
  const text = JSON.stringify(body, null, 2).replaceAll("'", `'\\''`);
  return `curl -N ${baseUrl}/chat/completions \\
  -H "authorization: Bearer $TENFOLD_API_KEY" \\
  -H "content-type: application/json" \\
  -d '${text}'`;
}

function python(baseUrl: string, body: { readonly [key: string]: Json }): string {
  const parameters = Object.entries(body).map(([name, value]) => `    ${name}=${pythonLiteral(value, 1)},`);
  return `import os
from openai import OpenAI

client = OpenAI(base_url=${JSON.stringify(baseUrl)}, api_key=os.environ["TENFOLD_API_KEY"])
stream = client.chat.completions.create(
${parameters.join("\n")}
)
for chunk in stream:
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)`;
}

function node(baseUrl: string, body: Json): string {
  return `import OpenAI from "openai";

const client = new OpenAI({ baseURL: ${JSON.stringify(baseUrl)}, apiKey: process.env.TENFOLD_API_KEY });
const stream = await client.chat.completions.create(${JSON.stringify(body, null, 2)});
for await (const chunk of stream) {
  process.stdout.write(chunk.choices[0]?.delta?.content ?? "");
}`;
}

/** JSON as Python writes it: its strings are Python's too, its words are not. */
export function pythonLiteral(value: Json, depth = 0): string {
  if (value === null) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (typeof value !== "object") return JSON.stringify(value);
  const inner = "    ".repeat(depth + 1);
  const items = Array.isArray(value)
    ? value.map((item: Json) => pythonLiteral(item, depth + 1))
    : Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${pythonLiteral(item as Json, depth + 1)}`);
  const [open, close] = Array.isArray(value) ? ["[", "]"] : ["{", "}"];
  if (items.length === 0) return open + close;
  return `${open}\n${items.map((item) => `${inner}${item},\n`).join("")}${"    ".repeat(depth)}${close}`;
}
