/** The form while it is filled in. */
import { client, message } from "../api/client";
import type { TemplateArgs } from "../api/templateArgs";
import { describe } from "../lib/estimate";
import { parseRunTime } from "../lib/runTime";
import { read, write } from "../stores/remembered.svelte";
import { memorable, problems, recall, shapeDecides, swarmForm, type FormValues, type Memory } from "./form";

export class FormState {
  values: FormValues = $state(null as unknown as FormValues);
  sending = $state(false);
  /** The server's words about the last attempt. */
  refused = $state<string | null>(null);
  /** Problems are shown once somebody has tried to start. */
  tried = $state(false);

  readonly problems = $derived.by(() => problems(this.args, this.values, this.edit));
  readonly shapeDecides = $derived.by(() => shapeDecides(this.args, this.values));

  constructor(
    readonly args: TemplateArgs,
    /** Changing a run rather than starting one. */
    readonly edit = false,
    present: Partial<FormValues> = {},
  ) {
    this.values = { ...recall(args, read<Memory | null>(this.key, null)), ...present };
  }

  private get key(): string {
    return `form.${this.args.locustfile ?? ""}`;
  }

  /** What will happen; `from` are the users that run already. */
  estimate(from?: number): { text: string; warning: boolean } | null {
    if (this.shapeDecides) return null;
    return describe({
      users: this.values.users.trim() === "" ? Number.NaN : Number(this.values.users),
      spawnRate: Number(this.values.spawnRate),
      runTime: this.edit || this.values.runTime.trim() === "" ? null : parseRunTime(this.values.runTime),
      ...(from === undefined ? {} : { from }),
    });
  }

  problem(field: string): string | null {
    return this.tried ? (this.problems[field] ?? null) : null;
  }

  /** Sends the form; true if the server has accepted it. */
  async send(): Promise<boolean> {
    this.tried = true;
    this.refused = null;
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
