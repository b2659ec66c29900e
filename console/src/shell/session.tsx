import { useQuery, useQueryClient } from "@tanstack/react-query";
import { createContext, useContext, useEffect, useMemo, useState, type ReactNode } from "react";
import { ApiError, carryCsrfToken, carryProject } from "../api/client";
import { account, type Access, type Area, type Session } from "../api/session";

const STORED = "tenfold.project";

type SessionState = { session: Session; project: string; setProject: (project: string) => void };

const SessionContext = createContext<SessionState | null>(null);

/** The query of the session: `null` where nobody is signed in. */
export const sessionQuery = {
  queryKey: ["session"],
  queryFn: async (): Promise<Session | null> => {
    try {
      const session = await account.session();
      carryCsrfToken(session.csrf_token);
      return session;
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return null;
      throw error;
    }
  },
  staleTime: 5 * 60_000,
};

/** What a sign-in, or with nothing a sign-out, does here: it is known at once, and nothing of another session is left. */
export function useEnter(): (session: Session | null) => void {
  const client = useQueryClient();
  return (session) => {
    carryCsrfToken(session?.csrf_token ?? "");
    // The session's own query stays, because the door watches it.
    client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== sessionQuery.queryKey[0] });
    client.setQueryData(sessionQuery.queryKey, session);
  };
}

/** Gives a session, and the project that was chosen in it, to everything below. */
export function SessionProvider({ session, children }: { session: Session; children: ReactNode }) {
  const client = useQueryClient();
  const [chosen, setChosen] = useState(() => localStorage.getItem(STORED));
  // Somebody who is confined to projects need not see the default one.
  const isSeen = (project: string | null) => session.projects.some(({ id }) => id === project);
  const project = [chosen, session.organization.default_project].find(isSeen) ?? session.projects[0]?.id ?? "";
  // Before the children ask, so not in an effect.
  carryProject(project);
  useEffect(() => () => carryProject(""), []);
  const state = useMemo(
    () => ({
      session,
      project,
      setProject: (next: string) => {
        localStorage.setItem(STORED, next);
        carryProject(next);
        setChosen(next);
        void client.invalidateQueries({ queryKey: ["models"] });
      },
    }),
    [session, project, client],
  );
  return <SessionContext value={state}>{children}</SessionContext>;
}

function useSessionState(): SessionState {
  const state = useContext(SessionContext);
  if (!state) throw new Error("outside of SessionProvider");
  return state;
}

/** Who is signed in. */
export const useSession = (): Session => useSessionState().session;

/** Who is signed in, or nobody. */
export const useOptionalSession = (): Session | undefined => useContext(SessionContext)?.session;

/** The project in whose name calls are made. */
export function useProject(): Pick<SessionState, "project" | "setProject"> {
  return useSessionState();
}

/** What a reader must be allowed for a page to be shown: any one of a list, if it is one. */
export type Needs = Area | "calls" | "nothing" | readonly (Area | "calls")[];

/** Whether an access opens a page. */
export function mayOpen(access: Access, needs: Needs): boolean {
  if (needs === "nothing") return true;
  if (typeof needs !== "string") return needs.some((one) => mayOpen(access, one));
  return needs === "calls" ? access.calls : access[needs] !== "none";
}

/** Whether the reader may change an area. */
export const useMayWrite = (area: Area): boolean => useSession().access[area] === "write";

/** Whether the reader may look at an area. */
export const useMayRead = (area: Area): boolean => useSession().access[area] !== "none";

/** The session and what is known without one. */
export function useSessionQuery() {
  return useQuery(sessionQuery);
}
