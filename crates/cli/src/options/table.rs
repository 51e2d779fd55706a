//! The one table of every option, in the order of `--help`.
//!
//! Flags, keys, defaults, variables and placeholders are Locust's, since scripts, files and deployments use them;
//! the help texts are our own.

use super::spec::{Action, Fallback, Group, Kind, Opt};

use Fallback::{Integer, List, Text};
use Group::{Common, Logging, Master, Other, Statistics, Tag, UserClasses, WebUi, Worker};

/// First line of `--help`.
pub const USAGE: &str = "Usage: locust [options] [UserClass ...]";

/// Where `--help` sends the reader for more.
pub const DOCUMENTATION_URL: &str = "https://docs.locust.io/en/stable/configuration.html";

/// Command lines shown at the end of `--help`, each with an optional remark.
pub const EXAMPLES: &[(&str, Option<&str>)] = &[
    ("locust --headless -f checkout.py -H http://127.0.0.1:5000 -u 10 -r 1", None),
    ("locust --headless -u 200 -r 20 -t 15m -s 30 Shopper Visitor", None),
    (
        "locust --headless -u 50 -t 5m --only-summary --csv results/night --json-file results/night",
        Some("writes results/night_stats.csv and its companions, and results/night.json"),
    ),
];

/// Every option of the program, hidden and removed ones too.
pub const TABLE: &[Opt] = &[
    Opt::switch(&["-h", "--help"], "help", Common).action(Action::Help).help("show this help message and exit"),
    Opt::value(&["-f", "--locustfile"], "locustfile", Common, Kind::Text)
        .metavar("<filename>")
        .default(Text("locustfile.py"))
        .env("LOCUST_LOCUSTFILE")
        .help(
            "The script to run: a .py file, a directory that is searched for .py files, a URL to fetch one from, or \
             several of these separated by commas. Defaults to 'locustfile.py'.",
        ),
    Opt::value(&["--config"], "config", Common, Kind::Text)
        .action(Action::ConfigFile)
        .metavar("<filename>")
        .help("One more configuration file to read, stronger than the ones read by default."),
    Opt::value(&["-H", "--host"], "host", Common, Kind::Text)
        .metavar("<base url>")
        .env("LOCUST_HOST")
        .help("Base URL of the system under test, e.g. https://www.example.com"),
    Opt::value(&["-u", "--users"], "num_users", Common, Kind::Integer)
        .metavar("<int>")
        .env("LOCUST_USERS")
        .help(
            "How many users run at the same time once all are started (default 1). While a run goes on, the keys w \
             and W start 1 or 10 more, s and S stop 1 or 10",
        ),
    Opt::value(&["-r", "--spawn-rate"], "spawn_rate", Common, Kind::PositiveNumber)
        .metavar("<float>")
        .env("LOCUST_SPAWN_RATE")
        .help("How many users to start per second (default 1)"),
    Opt::value(&["-t", "--run-time"], "run_time", Common, Kind::Timespan)
        .metavar("<time string>")
        .env("LOCUST_RUN_TIME")
        .help("End the run after this time, e.g. 300s, 20m, 3h, 1h30m or plain seconds. Without it, run until stopped."),
    Opt::value(&["--run-time-from"], "run_time_from", Common, Kind::RunTimeFrom)
        .metavar("<start|ramp-end|warmup-end>")
        .default(Text("start"))
        .env("LOCUST_RUN_TIME_FROM")
        .help("From when --run-time counts: from the start (as in Locust), from the moment at which all users run, or from the end of the \
             --warmup")
        .ours(),
    Opt::value(&["--warmup"], "warmup", Common, Kind::Timespan)
        .metavar("<time string>")
        .env("LOCUST_WARMUP")
        .help(
            "Keep the first seconds of each test out of all its numbers, e.g. 30s, 2m or plain seconds: they begin when it is over. The \
             run time includes it, unless --run-time-from says otherwise",
        )
        .ours(),
    Opt::value(&["--max-requests"], "max_requests", Common, Kind::PositiveInteger)
        .metavar("<int>")
        .env("LOCUST_MAX_REQUESTS")
        .help(
            "End the run as soon as so many requests have been counted. Those that are under way then are not waited for, unless \
             --stop-timeout says so. With workers it is noticed with their reports, which come every three seconds",
        )
        .ours(),
    Opt::value(&["--arrival-rate"], "arrival_rate", Common, Kind::Text)
        .metavar("<rate>")
        .env("LOCUST_ARRIVAL_RATE")
        .help(
            "Begin task iterations at this rate, whatever becomes of those before (an open run): 200 per second, '30/m', or \
             '0->500 in 5m, 500 for 10m'. Each is one task of a user out of a pool, which grows up to --users; the wait times of users \
             do not apply",
        )
        .ours(),
    Opt::value(&["--arrivals"], "arrivals", Common, Kind::Arrivals)
        .metavar("<constant|poisson>")
        .default(Text("constant"))
        .env("LOCUST_ARRIVALS")
        .help("With an arrival rate: at even distances (the default), or at random ones, as independent people come")
        .ours(),
    Opt::value(&["--latency"], "latency", Common, Kind::Latency)
        .metavar("<intended|service>")
        .default(Text("intended"))
        .env("LOCUST_LATENCY")
        .help(
            "With an arrival rate: what tables and thresholds count as response times. The time since the moment at which the request \
             was to start (the default), or from its start, as in other runs. Both are shown",
        )
        .ours(),
    Opt::switch(&["--let-processors-sleep"], "let_processors_sleep", Common)
        .env("LOCUST_LET_PROCESSORS_SLEEP")
        .help(
            "With an arrival rate: let idle processors sleep. Without it they are kept awake until the run ends, where the system lets this \
             user ask for it (Linux, /dev/cpu_dma_latency), since waking takes time, by which iterations begin late",
        )
        .ours(),
    Opt::switch(&["-l", "--list"], "list_commands", Common).help("Name the User classes of the script and exit"),
    Opt::value(&["--config-users"], "config_users", Common, Kind::UserConfig)
        .action(Action::StoreMany)
        .env("LOCUST_CONFIG_USERS")
        .help(
            "Settings of User classes as JSON: an object or an array of objects, or the name of a .json file with \
             one. Each object needs user_class_name",
        ),
    // ------------------------------------------------------------------------------------------------ web UI
    Opt::value(&["--web-host"], "web_host", WebUi, Kind::Text)
        .metavar("<ip>")
        .default(Text(""))
        .env("LOCUST_WEB_HOST")
        .help("Address on which the web interface listens. Defaults to '*', all of them"),
    Opt::value(&["--web-host-display-name"], "web_host_display_name", WebUi, Kind::Text)
        .env("LOCUST_WEB_HOST_DISPLAY_NAME"),
    Opt::value(&["--web-port", "-P"], "web_port", WebUi, Kind::Integer)
        .metavar("<port number>")
        .default(Integer(8089))
        .env("LOCUST_WEB_PORT")
        .help("Port of the web interface. Defaults to 8089"),
    Opt::switch(&["--headless"], "headless", WebUi)
        .env("LOCUST_HEADLESS")
        .help("Start the test at once, without a web interface; see -u, -r and -t"),
    Opt::switch(&["--autostart"], "autostart", WebUi)
        .env("LOCUST_AUTOSTART")
        .help("Start the test at once, with the web interface"),
    Opt::value(&["--autoquit"], "autoquit", WebUi, Kind::Integer)
        .metavar("<seconds>")
        .default(Integer(-1))
        .env("LOCUST_AUTOQUIT")
        .help("With --autostart: end the program this long after the run. Without it, the web interface stays"),
    Opt::switch(&["--headful"], "headful", WebUi).env("LOCUST_HEADFUL"),
    Opt::value(&["--web-auth"], "web_auth", WebUi, Kind::Text)
        .metavar("<username:password>")
        .env("LOCUST_WEB_AUTH")
        .removed(
            "The --web-auth parameters has been replaced with --web-login. See \
             https://docs.locust.io/en/stable/extending-locust.html#authentication for details",
        ),
    Opt::switch(&["--web-login"], "web_login", WebUi)
        .env("LOCUST_WEB_LOGIN")
        .help("Ask for a login before the web interface is shown"),
    Opt::value(&["--tls-cert"], "tls_cert", WebUi, Kind::Text)
        .metavar("<filename>")
        .default(Text(""))
        .env("LOCUST_TLS_CERT")
        .help("Certificate with which the web interface is served over HTTPS"),
    Opt::value(&["--tls-key"], "tls_key", WebUi, Kind::Text)
        .metavar("<filename>")
        .default(Text(""))
        .env("LOCUST_TLS_KEY")
        .help("Private key of that certificate"),
    Opt::switch(&["--class-picker"], "class_picker", WebUi)
        .env("LOCUST_USERCLASS_PICKER")
        .help("Let the web interface choose among all User and shape classes of the script"),
    Opt::value(&["--build-path"], "build_path", WebUi, Kind::Text)
        .default(Text(""))
        .env("LOCUST_BUILD_PATH"),
    Opt::switch(&["--legacy-ui"], "legacy_ui", WebUi)
        .env("LOCUST_LEGACY_UI")
        .removed("--legacy-ui is no longer supported, remove the parameter to continue"),
    Opt::value(&["--web-base-path"], "web_base_path", WebUi, Kind::Text)
        .default(Text(""))
        .env("LOCUST_WEB_BASE_PATH")
        .help("Path below which the web interface lives, e.g. '/locust'. Defaults to the root"),
    Opt::switch(&["--web-open"], "web_open", WebUi)
        .env("LOCUST_WEB_OPEN")
        .help(
            "Let everybody who reaches the web interface use it, as Locust does. Without it, other machines need the \
             access token of this start, which is printed with the link (LOCUST_WEB_TOKEN sets it)",
        )
        .ours(),
    Opt::switch(&["--web-local-open"], "web_local_open", WebUi)
        .env("LOCUST_WEB_LOCAL_OPEN")
        .help(
            "Let every user of this machine use the web interface without the token. Without it, that is the one who runs the \
             program, and root",
        )
        .ours(),
    Opt::switch(&["--web-read-open"], "web_read_open", WebUi)
        .env("LOCUST_WEB_READ_OPEN")
        .help(
            "Let programs of private networks read the numbers (/stats/requests, /metrics and the like) without the token, as \
             exporters and operators in a cluster do. Browsers, and what comes through a proxy, need it all the same",
        )
        .ours(),
    Opt::value(&["--metrics-port"], "metrics_port", WebUi, Kind::Integer)
        .metavar("<port number>")
        .env("LOCUST_METRICS_PORT")
        .help(
            "Tell a Prometheus server the present numbers on this port, too, under /metrics: with --headless, on a master and on a \
             worker. Other machines need the access token. The web interface has /metrics in any case",
        )
        .ours(),
    Opt::value(&["--store-dir"], "store_dir", WebUi, Kind::Text)
        .metavar("<directory>")
        .env("LOCUST_STORE_DIR")
        .help("Where finished runs are kept, to be looked at in the web interface. Defaults to the user's state directory")
        .ours(),
    Opt::switch(&["--no-store"], "no_store", WebUi)
        .env("LOCUST_NO_STORE")
        .help("Do not keep finished runs")
        .ours(),
    // ------------------------------------------------------------------------------------------------ cluster
    Opt::switch(&["--master"], "master", Master)
        .env("LOCUST_MODE_MASTER")
        .help("Run as the master that workers connect to"),
    Opt::value(&["--master-bind-host"], "master_bind_host", Master, Kind::Text)
        .metavar("<ip>")
        .default(Text("*"))
        .env("LOCUST_MASTER_BIND_HOST")
        .help("Address on which the master listens, e.g. '192.168.1.1'. Defaults to * (all of them)"),
    Opt::value(&["--master-bind-port"], "master_bind_port", Master, Kind::Integer)
        .metavar("<port number>")
        .default(Integer(5557))
        .env("LOCUST_MASTER_BIND_PORT")
        .help("Port on which the master listens. Defaults to 5557"),
    Opt::value(&["--expect-workers"], "expect_workers", Master, Kind::WorkerCount)
        .metavar("<int>")
        .default(Integer(1))
        .env("LOCUST_EXPECT_WORKERS")
        .help("With --headless or --autostart: start only when this many workers have connected"),
    Opt::value(&["--expect-workers-max-wait"], "expect_workers_max_wait", Master, Kind::Integer)
        .metavar("<int>")
        .default(Integer(0))
        .env("LOCUST_EXPECT_WORKERS_MAX_WAIT")
        .help("Seconds to wait for them before giving up. Defaults to no limit"),
    Opt::switch(&["--enable-rebalancing"], "enable_rebalancing", Master)
        .help("Share the users out anew when workers come or go during a run"),
    Opt::switch(&["--cluster-open"], "cluster_open", Master)
        .env("LOCUST_CLUSTER_OPEN")
        .help(
            "Let every worker that reaches the master join, as Locust does. Without it, workers on other machines need \
             the cluster's token (LOCUST_CLUSTER_TOKEN, the same for the master and its workers)",
        )
        .ours(),
    Opt::switch(&["--expect-slaves"], "expect_slaves", Master)
        .default(Fallback::Nothing)
        .removed("The --expect-slaves parameter has been renamed --expect-workers"),
    Opt::switch(&["--worker"], "worker", Worker)
        .env("LOCUST_MODE_WORKER")
        .help("Run as a worker. With '-f -' it fetches the locustfile from its master"),
    Opt::value(&["--processes"], "processes", Worker, Kind::Integer)
        .metavar("<int>")
        .env("LOCUST_PROCESSES")
        .help("Fork this many worker processes (-1: one per processor) and, unless --worker is given, be their master"),
    Opt::switch(&["--slave"], "slave", Worker)
        .default(Fallback::Nothing)
        .removed("The --slave parameter has been renamed --worker"),
    Opt::value(&["--master-host"], "master_host", Worker, Kind::Text)
        .metavar("<hostname>")
        .default(Text("127.0.0.1"))
        .env("LOCUST_MASTER_NODE_HOST")
        .help("Where the worker finds its master. Defaults to 127.0.0.1"),
    Opt::value(&["--master-port"], "master_port", Worker, Kind::Integer)
        .metavar("<port number>")
        .default(Integer(5557))
        .env("LOCUST_MASTER_NODE_PORT")
        .help("Port of that master. Defaults to 5557"),
    // ------------------------------------------------------------------------------------------------ tags
    Opt::value(&["-T", "--tags"], "tags", Tag, Kind::Text)
        .action(Action::StoreMany)
        .metavar("<tag>")
        .env("LOCUST_TAGS")
        .help("Run only tasks that carry at least one of these tags"),
    Opt::value(&["-E", "--exclude-tags"], "exclude_tags", Tag, Kind::Text)
        .action(Action::StoreMany)
        .metavar("<tag>")
        .env("LOCUST_EXCLUDE_TAGS")
        .help("Leave out tasks that carry any of these tags"),
    // ------------------------------------------------------------------------------------------------ statistics
    Opt::value(&["--csv"], "csv_prefix", Statistics, Kind::Text)
        .metavar("<filename>")
        .env("LOCUST_CSV")
        .help(
            "Write the statistics as CSV files while the run goes on: <filename>_stats.csv, \
             <filename>_stats_history.csv, <filename>_failures.csv and <filename>_exceptions.csv. Missing \
             directories are made",
        ),
    Opt::switch(&["--csv-full-history"], "stats_history_enabled", Statistics)
        .env("LOCUST_CSV_FULL_HISTORY")
        .help("Give every entry its own rows in <filename>_stats_history.csv, not only the total. Needs --csv"),
    Opt::switch(&["--print-stats"], "print_stats", Statistics)
        .env("LOCUST_PRINT_STATS")
        .help("Print the table of requests every two seconds also when there is a web interface"),
    Opt::switch(&["--only-summary"], "only_summary", Statistics)
        .env("LOCUST_ONLY_SUMMARY")
        .help("Do not print it during a --headless run, only at its end"),
    Opt::switch(&["--reset-stats"], "reset_stats", Statistics)
        .env("LOCUST_RESET_STATS")
        .help("Forget all statistics once all users are started. A distributed run needs it on master and workers"),
    Opt::value(&["--html"], "html_file", Statistics, Kind::Text)
        .metavar("<filename>")
        .env("LOCUST_HTML")
        .help("Write the report as an HTML file; {u}, {r} and {t} in its name become users, spawn rate and run time"),
    Opt::switch(&["--json"], "json", Statistics)
        .help("At the end, print the statistics as JSON on stdout; with --headless and --skip-log nothing else is printed"),
    Opt::value(&["--json-file"], "json_file", Statistics, Kind::Text)
        .metavar("<filename>")
        .help("At the end, write the statistics as JSON to <filename>.json"),
    Opt::value(&["--junit"], "junit_file", Statistics, Kind::Text)
        .metavar("<filename>")
        .env("LOCUST_JUNIT")
        .help("At the end, write the result as JUnit XML, for CI systems: a test case for each name")
        .ours(),
    Opt::value(&["--summary-md"], "summary_md_file", Statistics, Kind::Text)
        .metavar("<filename>")
        .env("LOCUST_SUMMARY_MD")
        .help("At the end, write a summary in Markdown, e.g. to $GITHUB_STEP_SUMMARY")
        .ours(),
    Opt::value(&["--report-upload"], "report_upload", Statistics, Kind::Text)
        .metavar("<url>")
        .env("LOCUST_REPORT_UPLOAD")
        .help("At the end, send the report (see --html) there by HTTP PUT, e.g. to a presigned address of a store of objects")
        .ours(),
    Opt::value(&["--out"], "outs", Statistics, Kind::Text)
        .action(Action::StoreEach)
        .metavar("<kind=place>")
        .env("LOCUST_OUT")
        .help(
            "Send each second of the run to prometheus-rw=<url> (remote write) or influxdb=<url> (line protocol), or write a line for \
             each request to csv=<filename> or json=<filename>; any number of times. In files and in the variable separated by ; or by \
             line breaks. LOCUST_OUT_TOKEN is shown to receivers",
        )
        .ours(),
    Opt::value(&["--out-sample"], "out_sample", Statistics, Kind::PositiveNumber)
        .metavar("<share>")
        .env("LOCUST_OUT_SAMPLE")
        .help("The share of requests that get a line of --out csv= and json=, e.g. 0.01; failed ones always do. Defaults to all")
        .ours(),
    // ------------------------------------------------------------------------------------------------ logging
    Opt::switch(&["--skip-log-setup"], "skip_log_setup", Logging)
        .env("LOCUST_SKIP_LOG_SETUP")
        .help("Disable Locust's logging setup. The script, or Python's defaults, decide instead"),
    Opt::value(&["--loglevel", "-L"], "loglevel", Logging, Kind::LogLevel)
        .metavar("<level>")
        .default(Text("INFO"))
        .env("LOCUST_LOGLEVEL")
        .help("DEBUG, INFO, WARNING, ERROR or CRITICAL. Defaults to INFO"),
    Opt::value(&["--logfile"], "logfile", Logging, Kind::Text)
        .metavar("<filename>")
        .env("LOCUST_LOGFILE")
        .help("Log to this file. Without it, log to stderr"),
    // ------------------------------------------------------------------------------------------------ other
    Opt::switch(&["--show-task-ratio"], "show_task_ratio", Other)
        .help("Print how often each task of each User class is chosen, and exit. With fixed_count, give --users too"),
    Opt::switch(&["--show-task-ratio-json"], "show_task_ratio_json", Other).help("The same as JSON"),
    Opt::switch(&["--version", "-V"], "version", Other).action(Action::Version).help("Print the version and exit"),
    Opt::value(&["--exit-code-on-error"], "exit_code_on_error", Other, Kind::Integer)
        .metavar("<int>")
        .default(Integer(1))
        .env("LOCUST_EXIT_CODE_ON_ERROR")
        .help("Exit code of a run in which a request failed or a task raised. Defaults to 1"),
    Opt::value(&["--threshold"], "thresholds", Other, Kind::Text)
        .action(Action::StoreEach)
        .metavar("<rule>")
        .env("LOCUST_THRESHOLDS")
        .help(
            "What the run has to keep to, or it ends with exit code 3; any number of times. For example 'fail_ratio < 1%', \
             'GET /cart: p95 < 250ms' or 'p99 < 1s over 30s after 1m, stop'. In files and in the variable, rules are \
             separated by ; or by line breaks. Failed requests alone are no failure then, unless --exit-code-on-error is given",
        )
        .ours(),
    Opt::value(&["--check-rps"], "check_rps", Other, Kind::Number)
        .metavar("<float>")
        .env("LOCUST_CHECK_RPS")
        .help("Short for --threshold 'rps >= <float>'")
        .ours(),
    Opt::value(&["--check-fail-ratio"], "check_fail_ratio", Other, Kind::Number)
        .metavar("<float>")
        .env("LOCUST_CHECK_FAIL_RATIO")
        .help("Short for --threshold 'fail_ratio <= <float>', where 0.01 is one percent")
        .ours(),
    Opt::value(&["--check-avg-response-time"], "check_avg_response_time", Other, Kind::Number)
        .metavar("<float>")
        .env("LOCUST_CHECK_AVG_RESPONSE_TIME")
        .help("Short for --threshold 'avg <= <float>ms'")
        .ours(),
    Opt::switch(&["--fail-on-empty"], "fail_on_empty", Other)
        .env("LOCUST_FAIL_ON_EMPTY")
        .help("Exit with code 1 if no request was counted, which else is no failure")
        .ours(),
    Opt::switch(&["--fail-on-invalid"], "fail_on_invalid", Other)
        .env("LOCUST_FAIL_ON_INVALID")
        .help(
            "Exit with code 4 if the generator was a limit of the run (the verdict is red), and print the verdict in any case",
        )
        .ours(),
    Opt::value(&["-s", "--stop-timeout"], "stop_timeout", Other, Kind::Timespan)
        .metavar("<number>")
        .default(Text("0"))
        .env("LOCUST_STOP_TIMEOUT")
        .help(
            "How long users that are stopped may go on with the task they are in, in seconds or as 1m30s. Defaults \
             to not at all",
        ),
    Opt::switch(&["--equal-weights"], "equal_weights", Other)
        .help("Choose all tasks equally often, whatever weights the script gives them"),
    Opt::value(&["--dns-ttl"], "dns_ttl", Other, Kind::Timespan)
        .metavar("<time string>")
        .env("LOCUST_DNS_TTL")
        .help(
            "How long the clients of users keep the addresses of a host; 0: each connection looks it up, as for a test \
             behind DNS balancing. Defaults to 10s",
        )
        .ours(),
    Opt::value(&["--max-body-size"], "max_body_size", Other, Kind::PositiveInteger)
        .metavar("<bytes>")
        .env("LOCUST_MAX_BODY_SIZE")
        .help("The largest body that a response may have that is not streamed. Defaults to 1073741824 (1 GiB)")
        .ours(),
    Opt::value(&["--io-threads"], "io_threads", Other, Kind::IoThreads)
        .metavar("<int|auto>")
        .default(Text("1"))
        .env("LOCUST_IO_THREADS")
        .help(
            "How many threads send the requests of users; Python runs on one of its own. Defaults to 1. auto: one less than \
             the cores that this process may use, from 1 to 3; 1 with --processes",
        )
        .ours(),
    Opt::value(&["--profile"], "profile", Other, Kind::Text).help("A name under which runs belong together"),
    Opt::switch(&["--otel"], "otel", Other)
        .env("LOCUST_ENABLE_OPENTELEMETRY")
        .help(
            "Export metrics, traces of requests and the log by OpenTelemetry, whose OTEL_* variables say where to. \
             Needs: pip install 'gregaria[otel]'",
        ),
    Opt::value(&[], "user_classes", UserClasses, Kind::Text)
        .action(Action::Positional)
        .metavar("<UserClass1 UserClass2>")
        .default(List([]))
        .env("LOCUST_USER_CLASSES")
        .help(
            "User classes to run, at the end of the command line or, separated by spaces, in LOCUST_USER_CLASSES. \
             Defaults to all that the script defines (see --list)",
        ),
];
