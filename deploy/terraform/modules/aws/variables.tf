# ONLY PARSED: see main.tf.

variable "name" {
  description = "What all of it is named after."
  type        = string
  default     = "gregaria"
}

variable "node_size" {
  description = "How many workers' machines."
  type        = number
  default     = 2
}

variable "loadtest_dir_source" {
  description = "Folder of this machine with the locustfile and what it needs."
  type        = string
}

variable "locust_plan_filename" {
  description = "The locustfile's path in that folder."
  type        = string
  default     = "locustfile.py"
}

variable "subnet_name" {
  description = "The Name of the subnet, a public one."
  type        = string
}

variable "allowed_cidrs" {
  description = "Networks whose machines reach the page. There is no default: name yours."
  type        = list(string)
  validation {
    condition     = !contains(var.allowed_cidrs, "0.0.0.0/0")
    error_message = "Not the whole world: who has the page's token can aim all of these machines."
  }
}

variable "cluster_token" {
  description = "The cluster's token: openssl rand -base64 24."
  type        = string
  sensitive   = true
}

variable "web_token" {
  description = "The page's token: openssl rand -base64 24."
  type        = string
  sensitive   = true
}

variable "package" {
  description = "What pip installs as gregaria: an address of a wheel, or a name with a version."
  type        = string
  default     = "gregaria"
}

variable "requirements" {
  description = "What else pip installs."
  type        = list(string)
  default     = []
}

variable "locust_args" {
  description = "Further arguments of the master, a word each."
  type        = list(string)
  default     = []
}

variable "environment" {
  description = "Further environment variables: LOCUST_HOST, and what the script reads."
  type        = map(string)
  default     = {}
}

variable "leader_instance_type" {
  description = "The master's machine: it adds numbers up, and makes no load."
  type        = string
  default     = "c7i.large"
}

variable "nodes_instance_type" {
  description = "The workers' machines."
  type        = string
  default     = "c7i.xlarge"
}

variable "spot" {
  description = "Whether the workers' machines may be taken away, for less money."
  type        = bool
  default     = false
}

variable "instance_profile" {
  description = "An instance profile, for Session Manager: there is no SSH."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of everything."
  type        = map(string)
  default     = {}
}
