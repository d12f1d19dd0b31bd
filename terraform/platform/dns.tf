resource "google_dns_managed_zone" "this" {
  name        = "billocr"
  dns_name    = "${var.domain}."
  description = "Bill OCR: instances at <name>.${var.domain}"

  dnssec_config {
    state = "on"
  }
  cloud_logging_config {
    enable_logging = true
  }
}

# One wildcard for all instances: an instance changes nothing in DNS.
resource "google_dns_record_set" "wildcard" {
  managed_zone = google_dns_managed_zone.this.name
  name         = "*.${var.domain}."
  type         = "A"
  ttl          = 300
  rrdatas      = [google_compute_global_address.gateway.address]
}

resource "google_dns_record_set" "caa" {
  managed_zone = google_dns_managed_zone.this.name
  name         = "${var.domain}."
  type         = "CAA"
  ttl          = 3600
  rrdatas = [
    "0 issue \"letsencrypt.org\"",
    "0 issuewild \"letsencrypt.org\"",
    "0 iodef \"mailto:${var.ops_email}\"",
  ]
}

resource "google_dns_managed_zone_iam_member" "cert_manager" {
  managed_zone = google_dns_managed_zone.this.name
  role         = var.bootstrap.roles.dns_solver
  member       = "${local.principal_prefix}ns/cert-manager/sa/cert-manager"
}
