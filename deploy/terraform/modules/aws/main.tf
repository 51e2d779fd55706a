# One master and a group of workers on EC2. Thin: what they do is modules/node.
#
# ONLY PARSED: formatted by `terraform fmt`, parsed by python-hcl2 in a test that each name is declared and used. No provider for AWS was
# at hand, so nobody has planned or applied it.

terraform {
  required_version = ">= 1.6"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

data "aws_subnet" "this" {
  filter {
    name   = "tag:Name"
    values = [var.subnet_name]
  }
}

data "aws_ami" "debian" {
  most_recent = true
  owners      = ["136693071363"] # Debian's

  filter {
    name   = "name"
    values = ["debian-13-amd64-*"]
  }
}

module "master" {
  source         = "../node"
  role           = "master"
  locustfile_dir = var.loadtest_dir_source
  locustfile     = var.locust_plan_filename
  package        = var.package
  requirements   = var.requirements
  locust_args    = var.locust_args
  environment    = var.environment
  token          = var.cluster_token
  web_token      = var.web_token
}

module "worker" {
  source         = "../node"
  role           = "worker"
  locustfile_dir = var.loadtest_dir_source
  locustfile     = var.locust_plan_filename
  package        = var.package
  requirements   = var.requirements
  environment    = var.environment
  token          = var.cluster_token
  master_host    = aws_instance.master.private_ip
}

resource "aws_security_group" "nodes" {
  name        = "${var.name}-nodes"
  description = "gregaria: the page for those who are allowed, workers for the master, and out"
  vpc_id      = data.aws_subnet.this.vpc_id
  tags        = var.tags
}

resource "aws_vpc_security_group_ingress_rule" "page" {
  for_each          = toset(var.allowed_cidrs)
  security_group_id = aws_security_group.nodes.id
  description       = "The web interface"
  cidr_ipv4         = each.value
  ip_protocol       = "tcp"
  from_port         = 8089
  to_port           = 8089
}

resource "aws_vpc_security_group_ingress_rule" "workers" {
  security_group_id            = aws_security_group.nodes.id
  description                  = "Workers reach the master"
  referenced_security_group_id = aws_security_group.nodes.id
  ip_protocol                  = "tcp"
  from_port                    = 5557
  to_port                      = 5557
}

resource "aws_vpc_security_group_egress_rule" "all" {
  security_group_id = aws_security_group.nodes.id
  description       = "The load itself, and packages"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "-1"
}

resource "aws_instance" "master" {
  ami                         = data.aws_ami.debian.id
  instance_type               = var.leader_instance_type
  subnet_id                   = data.aws_subnet.this.id
  vpc_security_group_ids      = [aws_security_group.nodes.id]
  associate_public_ip_address = true
  user_data_base64            = module.master.user_data_base64
  user_data_replace_on_change = true
  iam_instance_profile        = var.instance_profile
  tags                        = merge(var.tags, { Name = "${var.name}-master" })

  metadata_options {
    http_tokens = "required"
  }

  root_block_device {
    encrypted = true
  }
}

resource "aws_launch_template" "workers" {
  name_prefix            = "${var.name}-workers-"
  image_id               = data.aws_ami.debian.id
  instance_type          = var.nodes_instance_type
  update_default_version = true
  user_data              = module.worker.user_data_base64

  dynamic "iam_instance_profile" {
    for_each = var.instance_profile == null ? [] : [var.instance_profile]
    content {
      name = iam_instance_profile.value
    }
  }

  dynamic "instance_market_options" {
    for_each = var.spot ? [true] : []
    content {
      market_type = "spot"
    }
  }

  metadata_options {
    http_tokens = "required"
  }

  network_interfaces {
    associate_public_ip_address = true
    security_groups             = [aws_security_group.nodes.id]
  }

  block_device_mappings {
    device_name = "/dev/xvda"
    ebs {
      encrypted = true
    }
  }

  tag_specifications {
    resource_type = "instance"
    tags          = merge(var.tags, { Name = "${var.name}-worker" })
  }
}

resource "aws_autoscaling_group" "workers" {
  name_prefix         = "${var.name}-workers-"
  min_size            = 0
  max_size            = var.node_size
  desired_capacity    = var.node_size
  vpc_zone_identifier = [data.aws_subnet.this.id]

  launch_template {
    id      = aws_launch_template.workers.id
    version = aws_launch_template.workers.latest_version
  }

  instance_refresh {
    strategy = "Rolling"
  }
}

data "aws_instances" "workers" {
  filter {
    name   = "tag:aws:autoscaling:groupName"
    values = [aws_autoscaling_group.workers.name]
  }
}
