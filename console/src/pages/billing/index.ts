import { IconReceipt2 } from "@tabler/icons-react";
import { lazy } from "react";
import type { Page } from "../page";

export const billing: Page = {
  path: "/billing",
  needs: "billing",
  icon: IconReceipt2,
  title: ["Billing", "账务"],
  Component: lazy(() => import("./Billing")),
};
