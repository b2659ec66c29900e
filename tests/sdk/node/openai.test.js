// The unmodified `openai` package for Node.
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";
import { zodResponseFormat, zodTextFormat } from "openai/helpers/zod";
import { z } from "zod";

const baseURL = process.env.TENFOLD_TEST_URL;
const client = new OpenAI({ apiKey: process.env.TENFOLD_TEST_KEY, baseURL, maxRetries: 0, timeout: 120_000 });
const model = process.env.TENFOLD_TEST_MODEL ?? "smollm2-135m-instruct";
const messages = [{ role: "user", content: "Say hello to the world in one sentence." }];
const greedy = { model, messages, temperature: 0, max_tokens: 24 };
const Person = z.object({ name: z.string(), age: z.number().int() });
const parameters = {
    type: "object",
    properties: { city: { type: "string" } },
    required: ["city"],
    additionalProperties: false,
};

test("models are listed", async () => {
    const ids = [];
    for await (const one of client.models.list()) ids.push(one.id);
    assert.ok(ids.includes(model));
});

test("a stream says what the whole answer says and ends with usage", async () => {
    // A cold and a warm prefix may differ by a near-tie, so both answers are made from a warm one.
    await client.chat.completions.create(greedy);
    const whole = await client.chat.completions.create(greedy);
    const stream = await client.chat.completions.create({
        ...greedy,
        stream: true,
        stream_options: { include_usage: true },
    });
    let text = "";
    let usage;
    for await (const chunk of stream) {
        text += chunk.choices[0]?.delta?.content ?? "";
        usage = chunk.usage ?? usage;
    }
    assert.equal(text.slice(0, 8), whole.choices[0].message.content.slice(0, 8));
    assert.equal(usage.prompt_tokens, whole.usage.prompt_tokens);
    assert.equal(typeof usage.prompt_tokens_details.cached_tokens, "number");
});

test("a stream is called off", async () => {
    const stream = await client.chat.completions.create({ ...greedy, max_tokens: 500, stream: true });
    for await (const _ of stream) break;
    assert.ok(stream.controller.signal.aborted);
});

test("a tool is called, streamed", async () => {
    const runner = client.chat.completions.stream({
        ...greedy,
        max_tokens: 100,
        messages: [{ role: "user", content: "Weather in Paris?" }],
        tools: [{ type: "function", function: { name: "get_weather", parameters } }],
        tool_choice: "required",
    });
    const final = await runner.finalChatCompletion();
    const call = final.choices[0].message.tool_calls[0];
    assert.equal(call.function.name, "get_weather");
    assert.deepEqual(Object.keys(JSON.parse(call.function.arguments)), ["city"]);
});

test("parse gives an object of the schema", async () => {
    const answer = await client.chat.completions.parse({
        ...greedy,
        max_tokens: 100,
        messages: [{ role: "user", content: "Ada is 36." }],
        response_format: zodResponseFormat(Person, "person"),
    });
    assert.equal(typeof answer.choices[0].message.parsed.age, "number");
});

test("embeddings are unpacked", async () => {
    const answer = await client.embeddings.create({ model, input: ["one", "two"] });
    const floats = await client.embeddings.create({ model, input: ["one", "two"], encoding_format: "float" });
    assert.equal(answer.data[1].embedding.length, floats.data[1].embedding.length);
    assert.ok(Math.abs(answer.data[1].embedding[0] - floats.data[1].embedding[0]) < 1e-3);
});

test("a response is made, streamed, parsed, goes on and is deleted", async () => {
    const request = { model, input: "Say hello.", temperature: 0, max_output_tokens: 64 };
    const first = await client.responses.create(request);
    assert.ok(first.output_text);
    let text = "";
    let last;
    const kinds = [];
    for await (const event of await client.responses.create({ ...request, stream: true })) {
        kinds.push(event.type);
        last = event.response ?? last;
        if (event.type === "response.output_text.delta") text += event.delta;
    }
    assert.ok(text);
    assert.equal(text, last.output[0].content[0].text);
    assert.equal(kinds[0], "response.created");
    assert.ok(["response.completed", "response.incomplete"].includes(kinds.at(-1)));
    const parsed = await client.responses.parse({
        ...request,
        input: "Ada is 36.",
        max_output_tokens: 100,
        text: { format: zodTextFormat(Person, "person") },
    });
    assert.equal(typeof parsed.output_parsed.name, "string");
    const next = await client.responses.create({ ...request, input: "Again.", previous_response_id: first.id });
    assert.equal(next.previous_response_id, first.id);
    await client.responses.delete(first.id);
    await assert.rejects(client.responses.retrieve(first.id), OpenAI.NotFoundError);
});

test("errors have the classes of the SDK", async () => {
    const stranger = new OpenAI({ apiKey: "sk-wrong", baseURL, maxRetries: 0 });
    await assert.rejects(stranger.models.list(), OpenAI.AuthenticationError);
    await assert.rejects(client.chat.completions.create({ ...greedy, model: "nobody" }), OpenAI.NotFoundError);
    await assert.rejects(client.chat.completions.create({ ...greedy, temperature: 9 }), (error) => {
        assert.ok(error instanceof OpenAI.BadRequestError);
        assert.equal(error.param, "temperature");
        assert.ok(error.requestID);
        return true;
    });
});

test("a limit is a rate limit error", async () => {
    const root = new OpenAI({ apiKey: null, adminAPIKey: process.env.TENFOLD_TEST_ADMIN_KEY, baseURL, maxRetries: 0 });
    const organization = root.admin.organization;
    const project = await organization.projects.create({ name: "node" });
    const account = await organization.projects.serviceAccounts.create(project.id, { name: "node" });
    const limits = await organization.projects.rateLimits.listRateLimits(project.id);
    const limit = limits.data.find((one) => one.model === model);
    await organization.projects.rateLimits.updateRateLimit(limit.id, {
        project_id: project.id,
        max_requests_per_1_minute: 1,
    });
    const poor = new OpenAI({ apiKey: account.api_key.value, baseURL, maxRetries: 0 });
    await poor.chat.completions.create({ ...greedy, max_tokens: 1 });
    await assert.rejects(poor.chat.completions.create({ ...greedy, max_tokens: 1 }), OpenAI.RateLimitError);
    await organization.projects.archive(project.id);
});
