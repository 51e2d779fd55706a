/** The form while it is filled in. */
import { client, message } from "../api/client";
import type { TemplateArgs } from "../api/templateArgs";
import { describe } from "../lib/estimate";
import { read, write } from "../stores/remembered.svelte";
import type { FieldValues } from "../api/schema";
import {
  memorable,
  numberTexts,
  problems,
  recall,
  shapeDecides,
  swarmForm,
  type FormValues,
  type Memory,
} from "./form";

/** Between two keys: who types fast is answered once. */
const PAUSE_MS = 120;
/** Fields that are judged as they are filled in; others when somebody presses Start. */
const AT_ONCE = new Set(["user_count", "spawn_rate", "run_time"]);

export class FormState {
  values: FormValues = $state(null as unknown as FormValues);
  sending = $state(false);
  /** The server's words about the last attempt. */
  refused = $state<string | null>(null);
  /** All problems are shown once somebody has tried to start. */
  tried = $state(false);
  /** What the program reads in the numbers, and of which texts it said so. */
  private read = $state.raw<{ of: string; values: FieldValues } | null>(null);
  private timer: ReturnType<typeof setTimeout> | undefined;

  readonly problems = $derived.by(() =>
    problems(this.args, this.values, this.read?.values ?? null, this.edit),
  );
  readonly shapeDecides = $derived.by(() => shapeDecides(this.args, this.values));

  constructor(
    readonly args: TemplateArgs,
    /** Changing a run rather than starting one. */
    readonly edit = false,
    present: Partial<FormValues> = {},
  ) {
    this.values = { ...recall(args, read<Memory | null>(this.key, null)), ...present };
  }

  /** Asks the program what the numbers mean, in a moment. To be called in an effect: it runs again when one of them changes. */
  watch(): () => void {
    const texts = numberTexts(this.values);
    if (JSON.stringify(texts) !== this.read?.of) this.timer = setTimeout(() => void this.ask(), PAUSE_MS);
    return () => clearTimeout(this.timer);
  }

  private async ask(): Promise<void> {
    const texts = numberTexts(this.values);
    const of = JSON.stringify(texts);
    try {
      const values = await client.fieldValues(texts);
      if (of === JSON.stringify(numberTexts(this.values))) this.read = { of, values };
    } catch {
      // It cannot be reached: nothing can be started either, which is said elsewhere.
    }
  }

  private get key(): string {
    return `form.${this.args.locustfile ?? ""}`;
  }

  /** What will happen; `from` are the users that run already. */
  estimate(from?: number): { text: string; warning: boolean } | null {
    const read = this.read;
    // Nothing is promised of what has not been read, or cannot be.
    if (this.shapeDecides || read === null || read.of !== JSON.stringify(numberTexts(this.values)))
      return null;
    if (Object.keys(this.problems).some((field) => AT_ONCE.has(field))) return null;
    const { user_count: users, spawn_rate: rate, run_time: time } = read.values;
    return describe({
      users: users.value ?? Number.NaN,
      spawnRate: rate.value ?? Number.NaN,
      runTime: this.edit ? null : time.value,
      ...(from === undefined ? {} : { from }),
    });
  }

  problem(field: string): string | null {
    return this.tried || AT_ONCE.has(field) ? (this.problems[field] ?? null) : null;
  }

  /** Sends the form; true if the server has accepted it. */
  async send(): Promise<boolean> {
    this.tried = true;
    this.refused = null;
    if (JSON.stringify(numberTexts(this.values)) !== this.read?.of) await this.ask();
    if (Object.keys(this.problems).length > 0 || this.sending) return false;
    this.sending = true;
    try {
      const answer = await client.swarm(swarmForm(this.args, this.values, this.edit));
      if (!answer.success) {
        this.refused = answer.message;
        return false;
      }
      write(this.key, memorable(this.args, $state.snapshot(this.values)));
      return true;
    } catch (error) {
      this.refused = message(error);
      return false;
    } finally {
      this.sending = false;
    }
  }
}
