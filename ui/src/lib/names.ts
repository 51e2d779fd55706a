/** Names of requests as they are told apart by eye: blanks at their ends and characters without a shape are shown. */

export interface Piece {
  text: string;
  /** Stands for what cannot be seen. */
  odd: boolean;
}

const SIGNS: Record<string, string> = { " ": "␣", "\t": "⇥", "\n": "⏎", "\r": "␍", "\u00a0": "⍽" };
// Blanks at either end, and anywhere what has no shape: controls, marks of direction and width, a no-break space.
const ODD = /^ +| +$|[\p{Cc}\p{Cf}\u00a0\u2028\u2029]/gu;

const sign = (character: string) =>
  SIGNS[character] ?? `‹${(character.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}›`;

export function pieces(name: string): Piece[] {
  const found: Piece[] = [];
  let done = 0;
  for (const match of name.matchAll(ODD)) {
    if (match.index > done) found.push({ text: name.slice(done, match.index), odd: false });
    found.push({ text: [...match[0]].map(sign).join(""), odd: true });
    done = match.index + match[0].length;
  }
  if (done < name.length || found.length === 0) found.push({ text: name.slice(done), odd: false });
  return found;
}

/** The same as one text. */
export function visible(name: string): string {
  return pieces(name)
    .map(({ text }) => text)
    .join("");
}
