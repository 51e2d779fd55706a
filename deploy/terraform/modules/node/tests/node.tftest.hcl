variables {
  locustfile_dir = "./tests/scripts"
  token          = "a-cluster-token-of-22-characters"
}

run "a_master" {
  command = plan
  variables {
    role        = "master"
    web_token   = "a-web-token-of-22-characters"
    locust_args = ["--headless", "-u", "2", "--html", "a report.html", "-H", "http://x/?q=$1%"]
    environment = { LOCUST_HOST = "http://target", NOTE = "it costs $5 \"or so\"" }
  }
  assert {
    condition     = startswith(nonsensitive(output.user_data), "#cloud-config\n")
    error_message = "cloud-init does not take it for a configuration"
  }
  assert {
    condition = strcontains(
      base64decode([for file in yamldecode(nonsensitive(output.user_data)).write_files : file.content if endswith(file.path, ".service")][0]),
      "ExecStart=/srv/gregaria/venv/bin/locust \"--master\" \"--headless\" \"-u\" \"2\" \"--html\" \"a report.html\" \"-H\" \"http://x/?q=$$1%%\"\n"
    )
    error_message = "the arguments are not the unit's"
  }
  assert {
    condition = strcontains(
      base64decode([for file in yamldecode(nonsensitive(output.user_data)).write_files : file.content if endswith(file.path, "/environment")][0]),
      "NOTE=\"it costs \\$5 \\\"or so\\\"\"\n"
    )
    error_message = "a value lost its quotation"
  }
  assert {
    condition     = length([for file in yamldecode(nonsensitive(output.user_data)).write_files : file if endswith(file.path, "-token") && file.permissions == "0400"]) == 2
    error_message = "the tokens are for others to read"
  }
}

run "a_worker" {
  command = plan
  variables {
    role        = "worker"
    master_host = "192.0.2.1"
    processes   = 3
  }
  assert {
    condition = strcontains(
      base64decode([for file in yamldecode(nonsensitive(output.user_data)).write_files : file.content if endswith(file.path, ".service")][0]),
      "/locust \"--worker\" \"--processes\" \"3\"\n"
    )
    error_message = "the worker's command line"
  }
  assert {
    condition     = !anytrue([for file in yamldecode(nonsensitive(output.user_data)).write_files : endswith(file.path, "web-token")])
    error_message = "a worker has no use for the page's token"
  }
  assert {
    condition     = length(nonsensitive(output.user_data_base64)) < 16384
    error_message = "small scripts fit"
  }
}

run "no_master_to_find" {
  command = plan
  variables {
    role = "worker"
  }
  expect_failures = [output.user_data]
}

run "a_role_that_is_none" {
  command = plan
  variables {
    role        = "leader"
    master_host = "192.0.2.1"
  }
  expect_failures = [var.role]
}

run "a_token_that_is_guessed" {
  command = plan
  variables {
    role        = "worker"
    master_host = "192.0.2.1"
    token       = "short"
  }
  expect_failures = [var.token]
}

run "a_script_that_is_not_there" {
  command = plan
  variables {
    role        = "worker"
    master_host = "192.0.2.1"
    locustfile  = "other.py"
  }
  expect_failures = [output.user_data]
}
