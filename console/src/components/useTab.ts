import { useNavigate, useSearch } from "@tanstack/react-router";
import { searchOf } from "../shell/links";

/** The tab that is open, kept in the address so that it can be linked to and comes back. */
export function useTab(tabs: readonly string[]): [string, (tab: string | null) => void] {
  const search: Record<string, unknown> = useSearch({ strict: false });
  const navigate = useNavigate();
  const asked = tabs.find((tab) => tab === search.tab);
  return [asked ?? tabs[0]!, (tab) => void navigate({ to: ".", search: searchOf({ tab: tab ?? tabs[0]! }), replace: true })];
}
