import { useQueries, type UseQueryResult } from "@tanstack/react-query";
import { useCallback } from "react";
import { api, ask, type Schemas } from "../../api/client";
import type { Dimension } from "../../api/usage";
import { useSession } from "../../shell/session";

type Key = Schemas["ProjectApiKey"];

// Outside of the hook, so that the names are the same object until one of them changes.
const namesOf = (lists: UseQueryResult<Key[]>[]) => new Map(lists.flatMap(({ data }) => (data ?? []).map(({ id, name }) => [id, name] as const)));

/** Names for the ids by which usage is told apart. Keys are asked for only where they are shown. */
export function useNames(dimension: Dimension): (id: string) => string {
  const { projects } = useSession();
  const keys = useQueries({
    queries: (dimension === "api_key_id" ? projects : []).map(({ id: project_id }) => ({
      queryKey: ["project keys", project_id, "names"],
      queryFn: async () => (await ask(api.GET("/v1/organization/projects/{project_id}/api_keys", { params: { path: { project_id }, query: { limit: 100 } } }))).data,
      staleTime: 60_000,
    })),
    combine: namesOf,
  });
  return useCallback((id: string) => projects.find((project) => project.id === id)?.name ?? keys.get(id) ?? id, [projects, keys]);
}
