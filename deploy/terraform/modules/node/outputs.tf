# What has tried this module stands in main.tf.

output "user_data" {
  description = "The cloud-init file, as text."
  value       = local.cloud_config
  sensitive   = true

  precondition {
    condition     = var.role == "master" ? var.web_token != "" : var.master_host != ""
    error_message = "A master needs web_token, a worker needs master_host."
  }
  precondition {
    condition     = contains(keys(local.scripts), var.locustfile)
    error_message = "There is no ${var.locustfile} in ${var.locustfile_dir}."
  }
}

output "user_data_base64" {
  description = "The same, compressed, as most providers take it: 16 KB at most there."
  value       = base64gzip(local.cloud_config)
  sensitive   = true

  precondition {
    condition     = length(base64gzip(local.cloud_config)) * 3 / 4 <= 16384
    error_message = "The folder of scripts makes the file larger than the 16 KB that providers take: put data elsewhere, or into a package of requirements."
  }
}
