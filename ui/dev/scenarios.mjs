/** What the pages can look like: template args of several kinds of test. */
const base = {
  available_shape_classes: ["Default"],
  available_user_classes: ["ApiUser", "WebsiteUser"],
  available_user_tasks: { ApiUser: ["custom"], WebsiteUser: ["index", "index", "index", "slow", "post"] },
  users: {
    ApiUser: { fixed_count: 1, host: "http://127.0.0.1:8000", tasks: ["custom"], weight: 1 },
    WebsiteUser: {
      fixed_count: 0,
      host: "http://127.0.0.1:8000",
      tasks: ["index", "index", "index", "slow", "post"],
      weight: 3,
    },
  },
  extra_options: {},
  host: "http://127.0.0.1:8000",
  locustfile: "locustfile.py",
  percentiles_to_chart: [0.5, 0.95],
  percentiles_to_statistics: [0.95, 0.99],
  show_userclass_picker: false,
  stats_history_enabled: true,
  is_distributed: false,
  version: "0.0.0",
};

const option = (more) => ({
  choices: null,
  default_value: null,
  help_text: "",
  is_multiple: false,
  is_required: false,
  is_secret: false,
  ...more,
});

const extra_options = {
  env: option({ choices: ["dev", "staging", "prod"], default_value: "dev", help_text: "Environment" }),
  my_argument: option({ default_value: "hello", help_text: "A custom string" }),
  my_flag: option({ default_value: false, help_text: "A boolean flag" }),
  arg10: option({ default_value: 5, help_text: "A number" }),
  needed: option({ default_value: "x", help_text: "Required", is_required: true }),
  regions: option({
    choices: ["eu", "us", "ap"],
    default_value: ["eu"],
    help_text: "Regions",
    is_multiple: true,
  }),
  secret: option({ default_value: "", help_text: "API key", is_secret: true, has_value: true }),
};

export const scenarios = {
  plain: base,
  full: {
    ...base,
    extra_options,
    show_userclass_picker: true,
    available_shape_classes: ["Default", "StepShape"],
    all_profiles: ["smoke", "soak"],
  },
  shape: { ...base, hide_common_options: true },
  distributed: { ...base, is_distributed: true },
  extended: {
    ...base,
    extended_tabs: [{ title: "Content length", key: "content-length" }],
    extended_tables: [
      {
        key: "content-length",
        structure: [
          { key: "name", title: "Name" },
          { key: "content_length", title: "Total content length" },
        ],
      },
    ],
    extended_csv_files: [{ href: "/content-length/csv", title: "Content length" }],
  },
};

export const authArgs = {
  username_password_callback: "/login_submit",
  auth_providers: [{ label: "GitHub", callback_url: "/login/github" }],
  error: "Invalid username or password",
};

export const exceptions = [
  {
    count: 13,
    kind: "ValueError",
    users: "WebsiteUser",
    tasks: "boom",
    msg: "something broke in the script",
    nodes: "local",
    first_seen: 1795401037,
    last_seen: 1795401051,
    traceback:
      '  File "/usr/lib/python3/site-packages/locust/user/task.py", line 363, in run\n    self.execute_next_task()\n  File "/home/user/locustfile.py", line 57, in boom\n    raise ValueError("something broke in the script")\n',
  },
];

export const tasks = {
  per_class: {
    ApiUser: { ratio: 0.25, tasks: { custom: { ratio: 1 } } },
    WebsiteUser: {
      ratio: 0.75,
      tasks: {
        index: { ratio: 0.6 },
        Browse_items: { ratio: 0.4, tasks: { view: { ratio: 0.3 }, buy: { ratio: 0.1 } } },
      },
    },
  },
  total: {
    ApiUser: { ratio: 0.25, tasks: { custom: { ratio: 0.25 } } },
    WebsiteUser: {
      ratio: 0.75,
      tasks: {
        index: { ratio: 0.45 },
        Browse_items: { ratio: 0.3, tasks: { view: { ratio: 0.2 }, buy: { ratio: 0.1 } } },
      },
    },
  },
};

export const info = {
  host: "http://127.0.0.1:8000",
  locustfile: "locustfile.py",
  user_count: 120,
  spawn_rate: 20,
  run_time: 300,
  user_classes: ["ApiUser", "WebsiteUser"],
  options: { env: "dev", arg10: 5 },
  tasks,
  version: "0.0.0",
  python: "3.11.2",
  platform: "Linux-6.1-x86_64",
  command: "locust -f locustfile.py",
};
