# ONLY PARSED: see main.tf.

output "leader_public_ip" {
  description = "The master's public address."
  value       = aws_instance.master.public_ip
}

output "leader_private_ip" {
  description = "The master's address among the nodes."
  value       = aws_instance.master.private_ip
}

output "nodes_public_ip" {
  description = "The workers' public addresses."
  value       = data.aws_instances.workers.public_ips
}

output "nodes_private_ip" {
  description = "The workers' addresses among the nodes."
  value       = data.aws_instances.workers.private_ips
}

output "dashboard_url" {
  description = "The page, with the token in the link."
  value       = "http://${aws_instance.master.public_ip}:8089/?token=${urlencode(var.web_token)}"
  sensitive   = true
}
