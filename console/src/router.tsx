import { Skeleton } from "@mantine/core";
import { createRootRoute, createRoute, createRouter } from "@tanstack/react-router";
import { Suspense } from "react";
import { pages, type Page } from "./pages";
import { AcceptInvite } from "./shell/AcceptInvite";
import { App } from "./shell/App";
import { Broken } from "./shell/Broken";
import { mayOpen, useSession } from "./shell/session";
import { NoPage } from "./shell/Shell";

const root = createRootRoute({ component: App, notFoundComponent: () => <NoPage />, errorComponent: Broken });

const invite = createRoute({ getParentRoute: () => root, path: "/invite/$token", component: AcceptInvite });

// By URL too, a page opens only to those who may see it; what it would ask is refused by the server anyway.
function Guarded({ page }: { page: Page }) {
  const { access } = useSession();
  if (!mayOpen(access, page.needs)) return <NoPage forbidden />;
  return <Suspense fallback={<Skeleton height={480} />}><page.Component /></Suspense>;
}

const routes = pages.map((page) =>
  createRoute({
    getParentRoute: () => root,
    path: page.path,
    component: () => <Guarded page={page} />,
    errorComponent: Broken,
  }),
);

/** The addresses of the console, below `/console`. */
export const router = createRouter({ routeTree: root.addChildren([invite, ...routes]), basepath: "/console", scrollRestoration: true });
