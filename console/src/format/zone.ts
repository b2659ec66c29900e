// Days begin and times are read in the organisation's zone, wherever the reader sits.

/** How many seconds a zone is ahead of UTC at a moment. */
function offsetAt(seconds: number, zone: string): number {
  const parts = new Intl.DateTimeFormat("en-US", {
    timeZone: zone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  }).formatToParts(seconds * 1000);
  const of = (type: Intl.DateTimeFormatPartTypes) => Number(parts.find((part) => part.type === type)!.value);
  const wall = Date.UTC(of("year"), of("month") - 1, of("day"), of("hour"), of("minute"), of("second"));
  return wall / 1000 - Math.floor(seconds);
}

/** The second at which the day of a moment began in a zone, or a day some days before it. */
export function startOfDay(seconds: number, zone: string, daysBefore = 0): number {
  const wall = new Date((seconds + offsetAt(seconds, zone)) * 1000);
  const midnight = Date.UTC(wall.getUTCFullYear(), wall.getUTCMonth(), wall.getUTCDate() - daysBefore) / 1000;
  // The offset at midnight may be another one than at the moment, so it is asked for again.
  const guess = midnight - offsetAt(midnight, zone);
  return midnight - offsetAt(guess, zone);
}

/** The second at which the month of a moment began in a zone. */
export function startOfMonth(seconds: number, zone: string): number {
  const wall = new Date((seconds + offsetAt(seconds, zone)) * 1000);
  return startOfDay(seconds, zone, wall.getUTCDate() - 1);
}

/** The last second of a day that is written as `2026-11-25`, in a zone. */
export function endOfDay(day: string, zone: string): number {
  const noon = Date.parse(`${day}T12:00:00Z`) / 1000;
  return startOfDay(noon - offsetAt(noon, zone), zone, -1) - 1;
}

/** The months before the one of a moment, newest first, as `2026-10`. */
export function pastMonths(seconds: number, zone: string, count: number): string[] {
  const wall = new Date((seconds + offsetAt(seconds, zone)) * 1000);
  return Array.from({ length: count }, (_, i) =>
    new Date(Date.UTC(wall.getUTCFullYear(), wall.getUTCMonth() - 1 - i)).toISOString().slice(0, 7),
  );
}
