/** Run times as Locust writes them: 20s, 3m, 2h, 1h20m. What people type is read by the program (`live/values`), not here. */

/** Seconds in this notation: 5400 → "1h30m". */
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
