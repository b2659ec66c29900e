// What more than one page reads. The first word of a key names what a change makes stale.
import { queryOptions } from "@tanstack/react-query";
import { api, ask } from "./client";

/** A model that may be called. What is known of an upstream's is less. */
export type OfferedModel = {
  id: string;
  task?: string;
  tier?: string;
  context_length?: number;
  capabilities?: string[];
};

/** The models that the caller may name: the names of deployments. */
export const modelsQuery = queryOptions({
  queryKey: ["models"],
  queryFn: async () => (await ask(api.GET("/v1/models"))).data as OfferedModel[],
});

/** Everything that is offered. */
export const deploymentsQuery = queryOptions({
  queryKey: ["deployments"],
  queryFn: async () => (await ask(api.GET("/v1/deployments"))).data,
});

/** What can be offered. */
export const catalogQuery = queryOptions({
  queryKey: ["catalog"],
  queryFn: async () => (await ask(api.GET("/v1/catalog"))).data,
});

/** How the organisation pays, and its zone. */
export const profileQuery = queryOptions({
  queryKey: ["billing", "profile"],
  queryFn: () => ask(api.GET("/v1/organization/billing/profile")),
});

/** What the organisation has, by currency. */
export const balanceQuery = queryOptions({
  queryKey: ["billing", "balance"],
  queryFn: async () => (await ask(api.GET("/v1/organization/billing/balance"))).balances,
});

/** Budgets, with what was spent of them. */
export const budgetsQuery = queryOptions({
  queryKey: ["billing", "budgets"],
  queryFn: async () => (await ask(api.GET("/v1/organization/billing/budgets", { params: { query: { limit: 100 } } }))).data,
});

/** Whether the platform takes calls. */
export const healthQuery = queryOptions({
  queryKey: ["health"],
  queryFn: async () => (await fetch("/readyz")).ok,
  refetchInterval: 10_000,
});
