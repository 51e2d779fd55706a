/** Run times as Locust writes them: 20, 20s, 3m, 2h, 1h20m, 3h30m10s. */

const PATTERN = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?$/;

/** Seconds, or null if the text is not a run time. */
export function parseRunTime(text: string): number | null {
  const trimmed = text.trim();
  const found = PATTERN.exec(trimmed);
  if (trimmed === "" || !found) return null;
  const [, hours = "0", minutes = "0", seconds = "0"] = found;
  return Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
}

/** Seconds in the same notation: 5400 → "1h30m". */
export function formatRunTime(seconds: number): string {
  const whole = Math.round(seconds);
  const parts: [number, string][] = [
    [Math.floor(whole / 3600), "h"],
    [Math.floor((whole % 3600) / 60), "m"],
    [whole % 60, "s"],
  ];
  return (
    parts
      .filter(([amount]) => amount > 0)
      .map(([amount, unit]) => `${amount}${unit}`)
      .join("") || "0s"
  );
}
