# The same in all three roots. google 8 is accepted too: nothing here uses what 8 removes.
terraform {
  # 1.11: write-only arguments, which keep secrets out of the state.
  required_version = ">= 1.11, < 2.0"

  # GitLab's state over HTTP, one an instance: `instance-<name>`; see ../README.md.
  backend "http" {}

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 7.40, < 9.0"
    }
    random = {
      source  = "hashicorp/random"
      version = "~> 3.7"
    }
  }
}

provider "google" {
  project = var.platform.project_id
  region  = var.platform.region

  # The reverse proxy's API (IAP) counts its calls against a project, which for a person's own login must be named.
  billing_project       = var.platform.project_id
  user_project_override = true

  default_labels = local.labels
}
