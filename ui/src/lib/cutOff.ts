/** What is said of a run that was not seen to its end. */
export const CUT_OFF =
  "The program was killed while this test ran. Shown is what it had written down by then.";
