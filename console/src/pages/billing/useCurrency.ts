import { useQuery } from "@tanstack/react-query";
import { balanceQuery, profileQuery } from "../../api/queries";

/** The currency that a form begins with: the one that the organisation pays in. */
export function useCurrency(): string {
  const profile = useQuery(profileQuery);
  const balance = useQuery(balanceQuery);
  return profile.data?.currency ?? balance.data?.[0]?.currency ?? "USD";
}
