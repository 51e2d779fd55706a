/** A Python traceback, line by line: where, what, and whether the file is the user's own. */

export interface Line {
  text: string;
  kind: "place" | "own" | "code";
}

const LIBRARY =
  /[\\/](?:site-packages|dist-packages|lib[\\/]python[\d.]+)[\\/]|[\\/]locust[\\/](?:user|clients|_)[\w\\/]*/;

export function frames(traceback: string): Line[] {
  return traceback
    .replace(/\s+$/, "")
    .split("\n")
    .map((text) => {
      const isPlace = /^\s*File "/.test(text);
      return { text, kind: !isPlace ? "code" : LIBRARY.test(text) ? "place" : "own" };
    });
}
