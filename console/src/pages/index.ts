import { home } from "./home";
import { models } from "./models";
import type { Page } from "./page";
import { playground } from "./playground";

export type { Page };

/** Every page, in the order of the navigation. */
export const pages: readonly Page[] = [home, playground, models];
