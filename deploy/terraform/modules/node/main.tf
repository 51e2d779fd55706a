# A node of a load test as cloud-init: what a machine does when it starts, and nothing of any provider. Give `user_data` to whatever
# makes machines.
#
# `terraform test` runs what is in tests/ (`make lint`); `make deploy-test` performs the rendered file in network namespaces: a master and
# two workers finish a run. No machine has started with it.

terraform {
  required_version = ">= 1.6"
}

locals {
  home = "/srv/gregaria"

  scripts = {
    for name in fileset(var.locustfile_dir, "**") : name => filebase64("${var.locustfile_dir}/${name}")
    if !startswith(name, ".") && !strcontains(name, "__pycache__")
  }

  # The machine's own program reads these; a script finds them, too.
  environment = merge(
    var.environment,
    {
      LOCUST_LOCUSTFILE         = "${local.home}/scripts/${var.locustfile}"
      LOCUST_CLUSTER_TOKEN_FILE = "${local.home}/cluster-token"
    },
    var.role == "master" ? { LOCUST_WEB_TOKEN_FILE = "${local.home}/web-token", LOCUST_WEB_PORT = tostring(var.web_port) } : {
      LOCUST_MASTER_NODE_HOST                      = var.master_host
    },
  )

  arguments = var.role == "master" ? concat(["--master"], var.locust_args) : ["--worker", "--processes", tostring(var.processes)]

  # As systemd reads words: quoted, and with a second $ and %, which mean something there.
  words = [for word in local.arguments : "\"${replace(replace(replace(word, "/([\"\\\\])/", "\\$1"), "$", "$$"), "%", "%%")}\""]

  unit = <<-UNIT
    [Unit]
    Description=Load tests (gregaria): ${var.role}
    Wants=network-online.target
    After=network-online.target

    [Service]
    User=gregaria
    EnvironmentFile=${local.home}/environment
    WorkingDirectory=${local.home}/scripts
    ExecStart=${local.home}/venv/bin/locust ${join(" ", local.words)}
    KillMode=mixed
    TimeoutStopSec=60
    Restart=${var.role == "master" ? "no" : "always"}
    RestartSec=5
    LimitNOFILE=1048576
    NoNewPrivileges=yes

    [Install]
    WantedBy=multi-user.target
  UNIT

  install = <<-SCRIPT
    #!/bin/sh
    # Makes the environment; the unit is started by who calls this.
    set -eu
    cd ${local.home}
    if ! id gregaria >/dev/null 2>&1; then useradd --system --home-dir ${local.home} --shell /usr/sbin/nologin gregaria; fi
    if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
      if command -v apt-get >/dev/null; then apt-get update -q && apt-get install -yq --no-install-recommends python3-venv
      else dnf install -yq python3.11 && ln -sf /usr/bin/python3.11 /usr/local/bin/python3; fi
    fi
    python3 -m venv venv
    venv/bin/pip install --quiet --disable-pip-version-check ${join(" ", [for one in concat([var.package], var.requirements) : "'${one}'"])}
    chown -R gregaria ${local.home}/scripts
    chown gregaria ${local.home}/cluster-token ${local.home}/web-token 2>/dev/null || :
  SCRIPT

  files = concat(
    [
      { path = "${local.home}/cluster-token", permissions = "0400", content = base64encode(var.token) },
      {
        path        = "${local.home}/environment"
        permissions = "0600"
        content     = base64encode(join("", [for name in sort(keys(local.environment)) : "${name}=\"${replace(local.environment[name], "/([\"\\\\$`])/", "\\$1")}\"\n"]))
      },
      { path = "${local.home}/install", permissions = "0755", content = base64encode(local.install) },
      { path = "/etc/systemd/system/gregaria.service", permissions = "0644", content = base64encode(local.unit) },
    ],
    var.role == "master" ? [{ path = "${local.home}/web-token", permissions = "0400", content = base64encode(var.web_token) }] : [],
    [for name, content in local.scripts : { path = "${local.home}/scripts/${name}", permissions = "0644", content = content }],
  )

  cloud_config = join("", ["#cloud-config\n", yamlencode({
    write_files = [for file in local.files : merge(file, { encoding = "b64" })]
    runcmd = [
      ["${local.home}/install"],
      ["systemctl", "daemon-reload"],
      ["systemctl", "enable", "--now", "gregaria.service"],
    ]
  })])
}
