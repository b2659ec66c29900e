import { IconMessageCircle } from "@tabler/icons-react";
import { lazy } from "react";
import type { Page } from "../page";

export const playground: Page = {
  path: "/playground",
  needs: "calls",
  icon: IconMessageCircle,
  title: ["Playground", "试用台"],
  Component: lazy(() => import("./Playground")),
};
