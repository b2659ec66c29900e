import { Select, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { api, ask } from "../../api/client";
import { modelsQuery } from "../../api/queries";
import { useMessages } from "../../i18n/language";
import { useMayRead, useSession } from "../../shell/session";
import { messages } from "./messages";

/** What a budget or a limit bounds. */
export type Subject = { scope: string; subject: string };

/** Bounds everything. */
export const EVERYTHING: Subject = { scope: "organization", subject: "" };

const SCOPES = { organization: "scope_organization", project: "scope_project", user: "scope_user", api_key: "scope_api_key", model: "scope_model" } as const;

function useUsers() {
  const enabled = useMayRead("people");
  return useQuery({
    queryKey: ["users", "names"],
    queryFn: async () => (await ask(api.GET("/v1/organization/users", { params: { query: { limit: 100 } } }))).data,
    enabled,
  });
}

/** Says in words what is bounded. */
export function useSubjectName(): (scope: string, subject?: string | null) => string {
  const t = useMessages(messages);
  const { projects } = useSession();
  const users = useUsers();
  return (scope, subject) => {
    const kind = scope in SCOPES ? t(SCOPES[scope as keyof typeof SCOPES]) : scope;
    if (!subject) return kind;
    const name = projects.find(({ id }) => id === subject)?.name ?? users.data?.find(({ id }) => id === subject)?.name ?? subject;
    return `${kind}: ${name}`;
  };
}

/** Asks what is to be bounded. */
export function SubjectFields({ value, onChange }: { value: Subject; onChange: (subject: Subject) => void }) {
  const t = useMessages(messages);
  const { projects } = useSession();
  const models = useQuery(modelsQuery);
  const users = useUsers();
  const choices: Record<string, { value: string; label: string }[] | undefined> = {
    project: projects.map(({ id, name }) => ({ value: id, label: name })),
    model: models.data?.map(({ id }) => ({ value: id, label: id })) ?? [],
    user: users.data?.map(({ id, name, email }) => ({ value: id, label: `${name} (${email})` })) ?? [],
  };
  const data = choices[value.scope];
  return (
    <>
      <Select label={t("scope")} data={Object.entries(SCOPES).map(([scope, key]) => ({ value: scope, label: t(key) }))} value={value.scope} onChange={(scope) => scope && onChange({ scope, subject: "" })} allowDeselect={false} />
      {data && <Select label={t("subject")} required data={data} value={value.subject || null} onChange={(subject) => onChange({ ...value, subject: subject ?? "" })} searchable />}
      {value.scope === "api_key" && <TextInput label={t("subject")} required placeholder="key_..." value={value.subject} onChange={(e) => onChange({ ...value, subject: e.currentTarget.value.trim() })} />}
    </>
  );
}

/** Whether it is said what is bounded. */
export const isWhole = ({ scope, subject }: Subject): boolean => scope === "organization" || subject !== "";

/** As the API wants it. */
export const subjectBody = ({ scope, subject }: Subject) => ({ scope, ...(subject && { subject }) });
