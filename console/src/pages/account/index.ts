import { IconUserCog } from "@tabler/icons-react";
import { lazy } from "react";
import type { Page } from "../page";

export const account: Page = {
  path: "/account",
  needs: "nothing",
  icon: IconUserCog,
  title: ["Account", "账户"],
  Component: lazy(() => import("./Account")),
  isPersonal: true,
};
