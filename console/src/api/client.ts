import createClient, { type Middleware } from "openapi-fetch";
import type { components, paths } from "./schema";

/** The schemas of the platform's API, by name. */
export type Schemas = components["schemas"];

/** A refusal by the platform, or a failure to reach it. */
export class ApiError extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly code: string | null,
    readonly param: string | null,
    readonly requestId: string | null,
  ) {
    super(message);
    this.name = "ApiError";
  }
}

// What every request carries. Held here and not in React, so that streams and plain functions send it too.
const carried = { csrfToken: "", project: "" };

/** Sets the session's token, without which the platform takes no change by cookie. */
export function carryCsrfToken(token: string) {
  carried.csrfToken = token;
}

/** Sets the project in whose name calls are made. */
export function carryProject(project: string) {
  carried.project = project;
}

function carry(headers: Headers, method: string) {
  if (method !== "GET" && method !== "HEAD") headers.set("x-csrf-token", carried.csrfToken);
  if (carried.project) headers.set("openai-project", carried.project);
}

const middleware: Middleware = {
  onRequest({ request }) {
    carry(request.headers, request.method);
    return request;
  },
};

/** The typed client of the platform's API. */
export const api = createClient<paths>({ baseUrl: "", querySerializer: { array: { style: "form", explode: true } } });
api.use(middleware);

/** An answer's data; an error thrown where it was refused. */
export async function ask<T>(
  answer: Promise<{ data?: T; error?: unknown; response: Response }>,
): Promise<T> {
  const { data, error, response } = await answer.catch(unreachable);
  if (!response.ok) throw errorOf(response, error);
  return data as T;
}

/** A request outside of the typed client: streams, documents, and routes of the session. */
export async function send(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
  const headers = new Headers();
  carry(headers, method);
  if (body !== undefined) headers.set("content-type", "application/json");
  const request: RequestInit = { method, headers };
  if (body !== undefined) request.body = JSON.stringify(body);
  if (signal) request.signal = signal;
  const response = await fetch(path, request).catch(unreachable);
  if (!response.ok) throw errorOf(response, await response.json().catch(() => undefined));
  return response;
}

/** As `send`, and reads the answer as JSON. */
export async function sendJson<T>(method: string, path: string, body?: unknown): Promise<T> {
  return (await (await send(method, path, body)).json()) as T;
}

function unreachable(cause: unknown): never {
  if (cause instanceof DOMException && cause.name === "AbortError") throw cause;
  throw new ApiError("", 0, "unreachable", null, null);
}

function errorOf(response: Response, body: unknown): ApiError {
  const detail = (body as Schemas["ErrorBody"] | undefined)?.error;
  return new ApiError(
    detail?.message ?? `${response.status} ${response.statusText}`.trim(),
    response.status,
    detail?.code ?? null,
    detail?.param ?? null,
    response.headers.get("x-request-id"),
  );
}
