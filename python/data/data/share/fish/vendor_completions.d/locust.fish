complete -c locust -s f -l locustfile -d 'The script to run: a .py file, a directory that is searched for .py files, a URL to fetch one from, or several of these separated by commas. Defaults to \'locustfile.py\'.' -r -F
complete -c locust -l config -d 'One more configuration file to read, stronger than the ones read by default.' -r -F
complete -c locust -s H -l host -d 'Base URL of the system under test, e.g. https://www.example.com' -r -f
complete -c locust -s u -l users -d 'How many users run at the same time once all are started (default 1). While a run goes on, the keys w and W start 1 or 10 more, s and S stop 1 or 10' -r -f
complete -c locust -s r -l spawn-rate -d 'How many users to start per second (default 1)' -r -f
complete -c locust -s t -l run-time -d 'End the run after this time, e.g. 300s, 20m, 3h, 1h30m or plain seconds. Without it, run until stopped.' -r -f
complete -c locust -l run-time-from -d 'From when --run-time counts: from the start (as in Locust), from the moment at which all users run, or from the end of the --warmup' -r -f
complete -c locust -l warmup -d 'Keep the first seconds of each test out of all its numbers, e.g. 30s, 2m or plain seconds: they begin when it is over. The run time includes it, unless --run-time-from says otherwise' -r -f
complete -c locust -l max-requests -d 'End the run as soon as so many requests have been counted. Those that are under way then are not waited for, unless --stop-timeout says so. With workers it is noticed with their reports, which come every three seconds' -r -f
complete -c locust -l arrival-rate -d 'Begin task iterations at this rate, whatever becomes of those before (an open run): 200 per second, \'30/m\', or \'0->500 in 5m, 500 for 10m\'. Each is one task of a user out of a pool, which grows up to --users; the wait times of users do not apply' -r -f
complete -c locust -l arrivals -d 'With an arrival rate: at even distances (the default), or at random ones, as independent people come' -r -f
complete -c locust -l latency -d 'With an arrival rate: what tables and thresholds count as response times. The time since the moment at which the request was to start (the default), or from its start, as in other runs. Both are shown' -r -f
complete -c locust -l config-users -d 'Settings of User classes as JSON: an object or an array of objects, or the name of a .json file with one. Each object needs user_class_name' -r -f
complete -c locust -l web-host -d 'Address on which the web interface listens. Defaults to \'*\', all of them' -r -f
complete -c locust -s P -l web-port -d 'Port of the web interface. Defaults to 8089' -r -f
complete -c locust -l autoquit -d 'With --autostart: end the program this long after the run. Without it, the web interface stays' -r -f
complete -c locust -l tls-cert -d 'Certificate with which the web interface is served over HTTPS' -r -F
complete -c locust -l tls-key -d 'Private key of that certificate' -r -F
complete -c locust -l web-base-path -d 'Path below which the web interface lives, e.g. \'/locust\'. Defaults to the root' -r -f
complete -c locust -l metrics-port -d 'Tell a Prometheus server the present numbers on this port, too, under /metrics: with --headless, on a master and on a worker. Other machines need the access token. The web interface has /metrics in any case' -r -f
complete -c locust -l store-dir -d 'Where finished runs are kept, to be looked at in the web interface. Defaults to the user\'s state directory' -r -f -a "(__fish_complete_directories)"
complete -c locust -l master-bind-host -d 'Address on which the master listens, e.g. \'192.168.1.1\'. Defaults to * (all of them)' -r -f
complete -c locust -l master-bind-port -d 'Port on which the master listens. Defaults to 5557' -r -f
complete -c locust -l expect-workers -d 'With --headless or --autostart: start only when this many workers have connected' -r -f
complete -c locust -l expect-workers-max-wait -d 'Seconds to wait for them before giving up. Defaults to no limit' -r -f
complete -c locust -l processes -d 'Fork this many worker processes (-1: one per processor) and, unless --worker is given, be their master' -r -f
complete -c locust -l master-host -d 'Where the worker finds its master. Defaults to 127.0.0.1' -r -f -a "(__fish_print_hostnames)"
complete -c locust -l master-port -d 'Port of that master. Defaults to 5557' -r -f
complete -c locust -s T -l tags -d 'Run only tasks that carry at least one of these tags' -r -f
complete -c locust -s E -l exclude-tags -d 'Leave out tasks that carry any of these tags' -r -f
complete -c locust -l csv -d 'Write the statistics as CSV files while the run goes on: <filename>_stats.csv, <filename>_stats_history.csv, <filename>_failures.csv and <filename>_exceptions.csv. Missing directories are made' -r -F
complete -c locust -l html -d 'Write the report as an HTML file; {u}, {r} and {t} in its name become users, spawn rate and run time' -r -F
complete -c locust -l json-file -d 'At the end, write the statistics as JSON to <filename>.json' -r -F
complete -c locust -l junit -d 'At the end, write the result as JUnit XML, for CI systems: a test case for each name' -r -F
complete -c locust -l summary-md -d 'At the end, write a summary in Markdown, e.g. to $GITHUB_STEP_SUMMARY' -r -F
complete -c locust -l report-upload -d 'At the end, send the report (see --html) there by HTTP PUT, e.g. to a presigned address of a store of objects' -r -f
complete -c locust -l out -d 'Send each second of the run to prometheus-rw=<url> (remote write) or influxdb=<url> (line protocol), or write a line for each request to csv=<filename> or json=<filename>; any number of times. In files and in the variable separated by ; or by line breaks. LOCUST_OUT_TOKEN is shown to receivers' -r -f
complete -c locust -l out-sample -d 'The share of requests that get a line of --out csv= and json=, e.g. 0.01; failed ones always do. Defaults to all' -r -f
complete -c locust -s L -l loglevel -d 'DEBUG, INFO, WARNING, ERROR or CRITICAL. Defaults to INFO' -r -f -a "DEBUG\t''
INFO\t''
WARNING\t''
ERROR\t''
CRITICAL\t''"
complete -c locust -l logfile -d 'Log to this file. Without it, log to stderr' -r -F
complete -c locust -l exit-code-on-error -d 'Exit code of a run in which a request failed or a task raised. Defaults to 1' -r -f
complete -c locust -l threshold -d 'What the run has to keep to, or it ends with exit code 3; any number of times. For example \'fail_ratio < 1%\', \'GET /cart: p95 < 250ms\' or \'p99 < 1s over 30s after 1m, stop\'. In files and in the variable, rules are separated by ; or by line breaks. Failed requests alone are no failure then, unless --exit-code-on-error is given' -r -f
complete -c locust -l check-rps -d 'Short for --threshold \'rps >= <float>\'' -r -f
complete -c locust -l check-fail-ratio -d 'Short for --threshold \'fail_ratio <= <float>\', where 0.01 is one percent' -r -f
complete -c locust -l check-avg-response-time -d 'Short for --threshold \'avg <= <float>ms\'' -r -f
complete -c locust -s s -l stop-timeout -d 'How long users that are stopped may go on with the task they are in, in seconds or as 1m30s. Defaults to not at all' -r -f
complete -c locust -l dns-ttl -d 'How long the clients of users keep the addresses of a host; 0: each connection looks it up, as for a test behind DNS balancing. Defaults to 10s' -r -f
complete -c locust -l max-body-size -d 'The largest body that a response may have that is not streamed. Defaults to 1073741824 (1 GiB)' -r -f
complete -c locust -l io-threads -d 'How many threads send the requests of users; Python runs on one of its own. Defaults to 1. auto: one less than the cores that this process may use, from 1 to 3; 1 with --processes' -r -f
complete -c locust -l profile -d 'A name under which runs belong together' -r -f
complete -c locust -s h -l help -d 'show this help message and exit'
complete -c locust -l let-processors-sleep -d 'With an arrival rate: let idle processors sleep. Without it they are kept awake until the run ends, where the system lets this user ask for it (Linux, /dev/cpu_dma_latency), since waking takes time, by which iterations begin late'
complete -c locust -s l -l list -d 'Name the User classes of the script and exit'
complete -c locust -l headless -d 'Start the test at once, without a web interface; see -u, -r and -t'
complete -c locust -l autostart -d 'Start the test at once, with the web interface'
complete -c locust -l web-login -d 'Ask for a login before the web interface is shown'
complete -c locust -l class-picker -d 'Let the web interface choose among all User and shape classes of the script'
complete -c locust -l web-open -d 'Let everybody who reaches the web interface use it, as Locust does. Without it, other machines need the access token of this start, which is printed with the link (LOCUST_WEB_TOKEN sets it)'
complete -c locust -l web-local-open -d 'Let every user of this machine use the web interface without the token. Without it, that is the one who runs the program, and root'
complete -c locust -l web-read-open -d 'Let programs of private networks read the numbers (/stats/requests, /metrics and the like) without the token, as exporters and operators in a cluster do. Browsers, and what comes through a proxy, need it all the same'
complete -c locust -l no-store -d 'Do not keep finished runs'
complete -c locust -l master -d 'Run as the master that workers connect to'
complete -c locust -l enable-rebalancing -d 'Share the users out anew when workers come or go during a run'
complete -c locust -l cluster-open -d 'Let every worker that reaches the master join, as Locust does. Without it, workers on other machines need the cluster\'s token (LOCUST_CLUSTER_TOKEN, the same for the master and its workers)'
complete -c locust -l worker -d 'Run as a worker. With \'-f -\' it fetches the locustfile from its master'
complete -c locust -l csv-full-history -d 'Give every entry its own rows in <filename>_stats_history.csv, not only the total. Needs --csv'
complete -c locust -l print-stats -d 'Print the table of requests every two seconds also when there is a web interface'
complete -c locust -l only-summary -d 'Do not print it during a --headless run, only at its end'
complete -c locust -l reset-stats -d 'Forget all statistics once all users are started. A distributed run needs it on master and workers'
complete -c locust -l json -d 'At the end, print the statistics as JSON on stdout; with --headless and --skip-log nothing else is printed'
complete -c locust -l skip-log-setup -d 'Disable Locust\'s logging setup. The script, or Python\'s defaults, decide instead'
complete -c locust -l show-task-ratio -d 'Print how often each task of each User class is chosen, and exit. With fixed_count, give --users too'
complete -c locust -l show-task-ratio-json -d 'The same as JSON'
complete -c locust -s V -l version -d 'Print the version and exit'
complete -c locust -l fail-on-empty -d 'Exit with code 1 if no request was counted, which else is no failure'
complete -c locust -l fail-on-invalid -d 'Exit with code 4 if the generator was a limit of the run (the verdict is red), and print the verdict in any case'
complete -c locust -l equal-weights -d 'Choose all tasks equally often, whatever weights the script gives them'
complete -c locust -l otel -d 'Export metrics, traces of requests and the log by OpenTelemetry, whose OTEL_* variables say where to. Needs: pip install \'gregaria[otel]\''
