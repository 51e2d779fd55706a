# What has tried this module stands in main.tf.

variable "role" {
  description = "What the node is: \"master\" or \"worker\"."
  type        = string
  validation {
    condition     = contains(["master", "worker"], var.role)
    error_message = "The role must be \"master\" or \"worker\"."
  }
}

variable "locustfile_dir" {
  description = "Folder of this machine with the locustfile and what it needs."
  type        = string
}

variable "locustfile" {
  description = "The locustfile's path in that folder."
  type        = string
  default     = "locustfile.py"
}

variable "package" {
  description = "What pip installs as gregaria: an address of a wheel, or a name with a version."
  type        = string
  default     = "gregaria"
  validation {
    condition     = !strcontains(var.package, "'")
    error_message = "The package must not contain an apostrophe."
  }
}

variable "requirements" {
  description = "What else pip installs: what the script imports."
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for one in var.requirements : !strcontains(one, "'")])
    error_message = "Requirements must not contain apostrophes; write markers with quotation marks."
  }
}

variable "locust_args" {
  description = "Further arguments of the master, a word each: [\"--headless\", \"-u\", \"100\", \"-t\", \"10m\", \"--expect-workers\", \"2\"]."
  type        = list(string)
  default     = []
}

variable "environment" {
  description = "Further environment variables: LOCUST_HOST, and what the script reads."
  type        = map(string)
  default     = {}
  validation {
    condition     = alltrue([for name, value in var.environment : can(regex("^[A-Za-z_][A-Za-z0-9_]*$", name)) && !strcontains(value, "\n")])
    error_message = "Names are letters, digits and underscores; values are one line."
  }
}

variable "token" {
  description = "The cluster's token, the same for all nodes."
  type        = string
  sensitive   = true
  validation {
    condition     = length(var.token) >= 22
    error_message = "The token must have 22 characters or more: openssl rand -base64 24 makes one."
  }
}

variable "web_token" {
  description = "The token of the master's web interface."
  type        = string
  sensitive   = true
  default     = ""
  validation {
    condition     = var.web_token == "" || length(var.web_token) >= 22
    error_message = "The token must have 22 characters or more: openssl rand -base64 24 makes one."
  }
}

variable "web_port" {
  description = "Port of the master's web interface."
  type        = number
  default     = 8089
}

variable "master_host" {
  description = "Where workers find their master."
  type        = string
  default     = ""
}

variable "processes" {
  description = "Processes of a worker's node; -1: one for each core."
  type        = number
  default     = -1
}
