import type { Role } from "../../api/session";
import { useMessages } from "../../i18n/language";
import { useSession } from "../../shell/session";
import { messages } from "./messages";

const NAMES = {
  owner: "role_owner",
  admin: "role_admin",
  developer: "role_developer",
  billing: "role_billing",
  auditor: "role_auditor",
  viewer: "role_viewer",
} as const;

const HINTS = {
  owner: "roleHint_owner",
  admin: "roleHint_admin",
  developer: "roleHint_developer",
  billing: "roleHint_billing",
  auditor: "roleHint_auditor",
  viewer: "roleHint_viewer",
} as const;

type Known = keyof typeof NAMES;

/** A role as the console names it: the OpenAI API's word for a developer is `reader`. */
export const roleOf = (role: string): string => (role === "reader" ? "developer" : role);

/** The roles in the reader's language. */
export function useRoles() {
  const t = useMessages(messages);
  const { user } = useSession();
  const nameOf = (role: string) => (roleOf(role) in NAMES ? t(NAMES[roleOf(role) as Known]) : role);
  const hintOf = (role: string) => (roleOf(role) in HINTS ? t(HINTS[roleOf(role) as Known]) : "");
  // Only an owner makes owners.
  const given = (Object.keys(NAMES) as Role[]).filter((role) => role !== "owner" || user.role === "owner");
  return { nameOf, hintOf, options: given.map((role) => ({ value: role as string, label: nameOf(role) })) };
}
