import { IconListSearch } from "@tabler/icons-react";
import { lazy } from "react";
import type { Page } from "../page";

export const calls: Page = {
  path: "/calls",
  needs: "usage",
  icon: IconListSearch,
  title: ["Calls", "调用记录"],
  Component: lazy(() => import("./Calls")),
};
