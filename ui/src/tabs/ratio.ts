/** The task ratio as the server sends it, as a tree of rows. */

export interface RatioRow {
  key: string;
  name: string;
  depth: number;
  ratio: number;
}

interface Node {
  ratio?: unknown;
  tasks?: unknown;
}

export function ratioRows(tree: unknown, depth = 0, path = ""): RatioRow[] {
  if (typeof tree !== "object" || tree === null) return [];
  return Object.entries(tree as Record<string, Node>).flatMap(([name, node]) => {
    const key = `${path}/${name}`;
    const ratio = typeof node.ratio === "number" ? node.ratio : 0;
    return [{ key, name, depth, ratio }, ...ratioRows(node.tasks, depth + 1, key)];
  });
}
