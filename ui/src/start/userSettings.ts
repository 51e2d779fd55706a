/** The settings of a user class: typed by their present values. */

export type Kind = "number" | "boolean" | "text" | "json";

export function kindOf(value: unknown): Kind {
  if (typeof value === "number") return "number";
  if (typeof value === "boolean") return "boolean";
  return typeof value === "object" && value !== null ? "json" : "text";
}

export function textOf(value: unknown): string {
  if (value === null || value === undefined) return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value as string | number | boolean);
}

/** The value that a text stands for; an Error says why it stands for none. */
export function valueOf(kind: Kind, text: string, before: unknown): unknown {
  if (kind === "number") {
    const value = Number(text);
    return text.trim() === "" || !Number.isFinite(value) ? new Error("A number is needed") : value;
  }
  if (kind === "json") {
    try {
      return JSON.parse(text) as unknown;
    } catch {
      return new Error("This is not valid JSON");
    }
  }
  return text === "" && before === null ? null : text;
}

/** Task names with how often they are in the list: their weight. */
export function weights(tasks: readonly string[]): [name: string, weight: number][] {
  const found = new Map<string, number>();
  for (const task of tasks) found.set(task, (found.get(task) ?? 0) + 1);
  return [...found];
}
