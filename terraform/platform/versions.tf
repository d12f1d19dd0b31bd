# The same in all three roots. google 8 is accepted too: nothing here uses what 8 removes.
terraform {
  required_version = ">= 1.11, < 2.0"

  # GitLab's state over HTTP; CI and `../README.md` set TF_HTTP_ADDRESS and its companions.
  backend "http" {}

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 7.40, < 9.0"
    }
  }
}

provider "google" {
  project = var.bootstrap.project_id
  region  = var.bootstrap.region

  # The budget's API counts its calls against a project, which for a person's own login must be named.
  billing_project       = var.bootstrap.project_id
  user_project_override = true

  default_labels = local.labels
}
