/** The values of the start form: where they come from, and what is sent to /swarm. */
import type { ExtraOption, OptionValue, TemplateArgs } from "../api/templateArgs";
import { hostHint } from "../lib/estimate";
import type { FieldValues } from "../api/schema";
import { formatRunTime } from "../lib/runTime";

export const NO_SHAPE = "Default";

export interface FormValues {
  users: string;
  spawnRate: string;
  host: string;
  runTime: string;
  profile: string;
  shape: string;
  /** Null: the page has no class picker. */
  classes: string[] | null;
  extra: Record<string, ExtraValue>;
}

export type ExtraValue = string | boolean | string[];

/** What is remembered: the values, and what the server proposed at that time. */
export interface Memory {
  values: FormValues;
  proposed: FormValues;
}

function runTimeText(value: number | string | null): string {
  if (value === null || value === "" || value === 0) return "";
  return typeof value === "number" ? formatRunTime(value) : value;
}

export function extraDefault(option: ExtraOption): ExtraValue {
  const value: OptionValue = option.default_value;
  if (option.is_multiple)
    return Array.isArray(value) ? value.map(String) : value === null ? [] : [String(value)];
  if (typeof value === "boolean") return value;
  if (Array.isArray(value)) return value.join(",");
  return value === null ? "" : String(value);
}

/** What the server proposes. */
export function proposed(args: TemplateArgs): FormValues {
  return {
    users: String(args.num_users ?? 1),
    spawnRate: String(args.spawn_rate ?? 1),
    host: args.host ?? "",
    runTime: runTimeText(args.run_time),
    profile: args.profile ?? "",
    shape: NO_SHAPE,
    classes: args.show_userclass_picker ? [...(args.available_user_classes ?? [])] : null,
    extra: Object.fromEntries(
      Object.entries(args.extra_options).map(([key, option]) => [key, extraDefault(option)]),
    ),
  };
}

const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

/**
 * The last values, as far as the server still proposes the same: who starts the program with another host or number of
 * users means it.
 */
export function recall(args: TemplateArgs, memory: Memory | null): FormValues {
  const fresh = proposed(args);
  if (memory === null) return fresh;
  const out = { ...fresh, extra: { ...fresh.extra } };
  const { values: last, proposed: before } = memory;
  const keep = <Key extends keyof FormValues>(key: Key) => {
    if (same(before[key], fresh[key]) && last[key] !== undefined) out[key] = last[key];
  };
  keep("users");
  keep("spawnRate");
  keep("host");
  keep("runTime");
  keep("profile");
  keep("classes");
  if (args.available_shape_classes.includes(last.shape)) keep("shape");
  for (const [key, option] of Object.entries(args.extra_options)) {
    const value = last.extra[key];
    if (option.is_secret || value === undefined || !same(before.extra[key], fresh.extra[key])) continue;
    if (typeof value === typeof fresh.extra[key] && fits(option, value)) out.extra[key] = value;
  }
  return out;
}

function fits(option: ExtraOption, value: ExtraValue): boolean {
  if (option.choices === null || typeof value === "boolean") return true;
  const choices = option.choices.map(String);
  return (Array.isArray(value) ? value : [value]).every((one) => one === "" || choices.includes(one));
}

/** A URL with a user, and perhaps a password, in it. */
const CREDENTIALS = /:\/\/[^/?#\s]*@/;

/** What may be remembered: no secrets, and no passwords of URLs. */
export function memorable(args: TemplateArgs, values: FormValues): Memory {
  const known = proposed(args);
  const open = (value: ExtraValue) => ![value].flat().some((one) => CREDENTIALS.test(String(one)));
  const extra = Object.fromEntries(
    Object.entries(values.extra).filter(
      ([key, value]) => args.extra_options[key]?.is_secret === false && open(value),
    ),
  );
  const host = open(values.host) ? values.host : known.host;
  return { values: { ...values, host, extra }, proposed: known };
}

/** Whether the shape decides about users and ramp up. */
export function shapeDecides(args: TemplateArgs, values: Pick<FormValues, "shape">): boolean {
  if (args.show_userclass_picker) return values.shape !== NO_SHAPE && args.shape_use_common_options !== true;
  return args.hide_common_options === true;
}

export type Problems = Partial<Record<string, string>>;

/** The fields that are numbers, as they are sent. */
export function numberTexts(values: FormValues): Record<keyof FieldValues, string> {
  return {
    user_count: values.users.trim(),
    spawn_rate: values.spawnRate.trim(),
    run_time: values.runTime.trim(),
  };
}

/** What is wrong, by field; empty: nothing. `read`: what the program says of the numbers; null: it has not been asked. */
export function problems(
  args: TemplateArgs,
  values: FormValues,
  read: FieldValues | null,
  edit = false,
): Problems {
  const found: Problems = {};
  if (!shapeDecides(args, values) && read !== null) {
    for (const [field, { problem }] of Object.entries(read) as [string, FieldValues[keyof FieldValues]][])
      if (problem !== null && !(edit && field === "run_time")) found[field] = problem;
  }
  const host = edit ? null : hostProblem(args, values);
  if (host !== null) found["host"] = host;
  if (!edit && values.classes?.length === 0) found["user_classes"] = "Choose at least one user class";
  for (const [key, option] of Object.entries(args.extra_options)) {
    const value = values.extra[key];
    const missing = value === undefined || value === "" || (Array.isArray(value) && value.length === 0);
    if (option.is_required && option.has_value !== true && missing) found[key] = "This is required";
  }
  return found;
}

/** Why users could send nothing to this host. */
function hostProblem(args: TemplateArgs, values: Pick<FormValues, "host" | "classes">): string | null {
  const chosen = (names: string[]) => names.filter((name) => values.classes?.includes(name) ?? true);
  const host = values.host.trim();
  if (host === "") {
    const needy = chosen(args.user_classes_without_host);
    if (needy.length > 0)
      return `${needy.slice(0, 3).join(", ")}${needy.length > 3 ? " and others" : ""} cannot send without a host`;
    return args.is_host_required ? "This test needs a host" : null;
  }
  if (chosen(args.http_user_classes).length > 0 && !/^https?:\/\/[^/]/i.test(host))
    return "A host begins with http:// or https://";
  return null;
}

/** The form as /swarm reads it, under Locust's names. */
export function swarmForm(args: TemplateArgs, values: FormValues, edit = false): URLSearchParams {
  const form = new URLSearchParams();
  if (!shapeDecides(args, values)) {
    form.set("user_count", values.users.trim());
    form.set("spawn_rate", values.spawnRate.trim());
  }
  if (!edit) {
    form.set("host", values.host.trim());
    if (!shapeDecides(args, values)) form.set("run_time", values.runTime.trim());
    form.set("profile", values.profile.trim());
    if (args.show_userclass_picker) {
      form.set("shape_class", values.shape);
      for (const name of values.classes ?? []) form.append("user_classes", name);
    }
  }
  for (const [key, option] of Object.entries(args.extra_options)) {
    const value = values.extra[key];
    if (value === undefined || (option.is_secret && value === "")) continue;
    if (Array.isArray(value)) {
      if (value.length === 0) form.append(key, "");
      for (const one of value) form.append(key, one);
    } else {
      form.append(key, String(value));
    }
  }
  return form;
}

export { hostHint };
