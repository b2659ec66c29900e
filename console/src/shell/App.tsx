import { Loader } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Outlet, useRouterState } from "@tanstack/react-router";
import { ErrorNotice } from "../components/ErrorNotice";
import { account } from "../api/session";
import { SessionProvider, useSessionQuery } from "./session";
import { SetUp } from "./SetUp";
import { Shell } from "./Shell";
import { SignIn } from "./SignIn";

/** The door: set-up, sign-in, or the console. The address stays, so that a link opens after sign-in. */
export function App() {
  const path = useRouterState({ select: (state) => state.location.pathname });
  const isInvite = path.startsWith("/invite/");
  const session = useSessionQuery();
  const info = useQuery({
    queryKey: ["console"],
    queryFn: account.info,
    enabled: session.data === null,
  });

  if (isInvite) return <Outlet />;
  if (session.data) return <SessionProvider session={session.data}><Shell /></SessionProvider>;
  const error = session.error ?? info.error;
  if (error) {
    const retry = () => void (session.error ? session.refetch() : info.refetch());
    return <main className="alone"><ErrorNotice error={error} onRetry={retry} /></main>;
  }
  if (!info.data) return <main className="alone"><Loader aria-label="Tenfold" /></main>;
  return info.data.needs_setup ? <SetUp /> : <SignIn info={info.data} />;
}
