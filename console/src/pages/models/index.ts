import { IconStack2 } from "@tabler/icons-react";
import { lazy } from "react";
import type { Page } from "../page";

export const models: Page = {
  path: "/models",
  needs: "models",
  icon: IconStack2,
  title: ["Models", "模型"],
  Component: lazy(() => import("./Models")),
};
