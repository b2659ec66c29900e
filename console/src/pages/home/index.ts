import { IconHome } from "@tabler/icons-react";
import { lazy } from "react";
import type { Page } from "../page";

export const home: Page = {
  path: "/",
  needs: "nothing",
  icon: IconHome,
  title: ["Home", "首页"],
  Component: lazy(() => import("./Home")),
};
