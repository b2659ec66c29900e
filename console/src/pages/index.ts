import { home } from "./home";
import type { Page } from "./page";

export type { Page };

/** Every page, in the order of the navigation. */
export const pages: readonly Page[] = [home];
