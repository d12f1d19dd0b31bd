# The alert is in the platform root and holds for every check of this name.
resource "google_monitoring_uptime_check_config" "this" {
  count = var.uptime_check ? 1 : 0

  display_name = local.name
  period       = "300s"
  timeout      = "10s"

  http_check {
    path         = "/_stcore/health"
    port         = 443
    use_ssl      = true
    validate_ssl = true

    accepted_response_status_codes {
      status_class = "STATUS_CLASS_2XX"
    }
  }
  monitored_resource {
    type = "uptime_url"
    labels = {
      project_id = var.platform.project_id
      host       = local.host
    }
  }
}
