import { useQueries } from "@tanstack/react-query";
import { api, ask } from "../../api/client";
import type { Dimension } from "../../api/usage";
import { useSession } from "../../shell/session";

/** Names for the ids by which usage is told apart. Keys are asked for only where they are shown. */
export function useNames(dimension: Dimension): (id: string) => string {
  const { projects } = useSession();
  const keys = useQueries({
    queries: (dimension === "api_key_id" ? projects : []).map(({ id: project_id }) => ({
      queryKey: ["project keys", project_id, "names"],
      queryFn: async () => (await ask(api.GET("/v1/organization/projects/{project_id}/api_keys", { params: { path: { project_id }, query: { limit: 100 } } }))).data,
      staleTime: 60_000,
    })),
  });
  const names = new Map(projects.map(({ id, name }) => [id, name]));
  for (const { data } of keys) for (const { id, name } of data ?? []) names.set(id, name);
  return (id) => names.get(id) ?? id;
}
