/** The data that the server puts into the pages: Locust's names, as locustfiles know them. */

export type OptionValue = string | number | boolean | (string | number)[] | null;

export interface ExtraOption {
  default_value: OptionValue;
  choices: (string | number)[] | null;
  help_text: string | null;
  is_secret: boolean;
  /** A secret has a value on the server; an empty field leaves it as it is. */
  has_value?: boolean;
  is_required: boolean;
  is_multiple: boolean;
}

export interface UserSettings {
  tasks?: string[];
  [attribute: string]: unknown;
}

export interface ExtendedTab {
  title: string;
  key: string;
}

export interface ExtendedTable {
  key: string;
  structure: { key: string; title: string }[];
}

export interface ExtendedCsvFile {
  href: string;
  title: string;
}

/** What is known of a load shape before a test: only what its class holds. */
export interface ShapePlan {
  doc: string;
  /** Seconds. */
  time_limit: number | null;
  /** Seconds since the start, and users; empty: its class does not say. */
  points: [number, number][];
  /** How durations of stages were read: as the moments at which they end, or as their lengths. */
  durations: "ends" | "lengths";
}

/** At which rate iterations are to begin. */
export interface ArrivalPlan {
  /** Seconds since the start, and iterations per second. */
  points: [number, number][];
  /** Null: it goes on as its last point is. */
  ends_at: number | null;
  rates: { rate: string; classes: string[] }[];
}

export interface TemplateArgs {
  shape_plans: Record<string, ShapePlan>;
  arrival_plan: ArrivalPlan | null;
  /** The shape that a test follows if none is chosen. */
  followed_shape: string | null;
  available_shape_classes: string[];
  available_user_classes: string[] | null;
  available_user_tasks: Record<string, string[]> | null;
  users: Record<string, UserSettings>;
  extra_options: Record<string, ExtraOption>;
  hide_common_options: boolean | null;
  shape_use_common_options: boolean | null;
  host: string | null;
  is_distributed: boolean;
  is_host_required: boolean;
  locustfile: string | null;
  missing_host_warning: boolean;
  /** User classes that send by HTTP, so that a host needs a scheme. */
  http_user_classes: string[];
  /** Those of them that have no host of their own. */
  user_classes_without_host: string[];
  override_host_warning: boolean;
  num_users: number | null;
  spawn_rate: number | null;
  run_time: number | string | null;
  profile: string | null;
  all_profiles: string[];
  show_userclass_picker: boolean;
  stats_history_enabled: boolean;
  state: string;
  version: string;
  /** Minutes that the server's clock is east of Greenwich; unknown to pages that were made elsewhere. */
  utc_offset: number | null;
  worker_count: number;
  extended_tabs: ExtendedTab[];
  extended_tables: ExtendedTable[];
  extended_csv_files: ExtendedCsvFile[];
}

const DEFAULTS: TemplateArgs = {
  shape_plans: {},
  arrival_plan: null,
  followed_shape: null,
  available_shape_classes: ["Default"],
  available_user_classes: null,
  available_user_tasks: null,
  users: {},
  extra_options: {},
  hide_common_options: null,
  shape_use_common_options: null,
  host: null,
  is_distributed: false,
  is_host_required: false,
  locustfile: null,
  missing_host_warning: false,
  http_user_classes: [],
  user_classes_without_host: [],
  override_host_warning: false,
  num_users: null,
  spawn_rate: null,
  run_time: null,
  profile: null,
  all_profiles: [],
  show_userclass_picker: false,
  stats_history_enabled: false,
  state: "ready",
  version: "",
  utc_offset: null,
  worker_count: 0,
  extended_tabs: [],
  extended_tables: [],
  extended_csv_files: [],
};

export interface CustomInput {
  label: string;
  name: string;
  type?: string;
  default_value?: OptionValue;
  choices?: (string | number)[] | null;
  is_multiple?: boolean;
  is_secret?: boolean;
  is_required?: boolean;
}

export interface AuthArgs {
  title?: string;
  error?: string | null;
  info?: string | null;
  username_password_callback?: string;
  auth_providers?: { label: string; callback_url: string; icon_url?: string }[];
  custom_form?: { inputs: CustomInput[]; callback_url: string; submit_button_text?: string };
}

/** The JSON in the script element of that id; null when there is none (a page opened without its server). */
export function embedded(id: string): unknown {
  const text = document.getElementById(id)?.textContent.trim() ?? "";
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}

/** Template args with every key in place. Locustfiles may have set any of them to None. */
export function templateArgs(given: unknown): TemplateArgs {
  const args: Record<string, unknown> = { ...DEFAULTS };
  if (typeof given === "object" && given !== null) {
    for (const [key, value] of Object.entries(given)) {
      if (value !== null && value !== undefined) args[key] = value;
    }
  }
  return args as unknown as TemplateArgs;
}
