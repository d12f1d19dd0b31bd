variable "audit" {
  description = "Audit logs. `object_reads` also records every read of an object in Cloud Storage (much volume, billed as logs); `retention_days` is how long data-access records are kept."
  type = object({
    object_reads   = optional(bool, false)
    retention_days = optional(number, 400)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.audit.retention_days >= 30 && var.audit.retention_days <= 3650
    error_message = "Audit logs are kept for 30 to 3650 days."
  }
}

variable "gitlab" {
  description = "The GitLab project whose pipelines plan and apply. `project_id` is the number under the project's name in GitLab; `jwks_json` holds the signing keys of a GitLab that Google cannot reach."
  type = object({
    project_id     = number
    url            = optional(string, "https://gitlab.com")
    default_branch = optional(string, "main")
    jwks_json      = optional(string)
  })
  nullable = false

  validation {
    condition     = var.gitlab.project_id > 0 && floor(var.gitlab.project_id) == var.gitlab.project_id
    error_message = "gitlab.project_id is GitLab's numeric project ID, a positive whole number."
  }
  validation {
    condition     = can(regex("^https://[a-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._-]+)*$", var.gitlab.url))
    error_message = "gitlab.url starts with https:// and has no slash at its end, as in https://gitlab.com: it must equal the issuer in GitLab's tokens."
  }
  validation {
    condition     = can(regex("^[A-Za-z0-9._/-]+$", var.gitlab.default_branch))
    error_message = "gitlab.default_branch is the name of a branch, without quotes or blanks."
  }
}

variable "labels" {
  description = "Labels added to every resource of every root, for example a cost centre."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition = alltrue([
      for key, value in var.labels :
      can(regex("^[a-z][a-z0-9_-]{0,62}$", key)) && can(regex("^[a-z0-9_-]{0,63}$", value))
    ])
    error_message = "Label keys begin with a small letter; keys and values have up to 63 small letters, digits, - and _."
  }
  validation {
    condition     = alltrue([for key in ["app", "managed-by", "root", "instance"] : !contains(keys(var.labels), key)])
    error_message = "The labels app, managed-by, root and instance are set by these roots."
  }
}

variable "operators" {
  description = "Who runs the cluster by hand, as IAM members such as group:bill-ocr-ops@example.org. They administer the cluster and read logs and monitoring; they need no other role for daily work."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for member in var.operators : can(regex("^(user|group):[^@\\s]+@[^@\\s]+$", member))])
    error_message = "Operators are people: each is user:ADDRESS or group:ADDRESS."
  }
}

variable "org_policies" {
  description = "Also enforce, on this project, the organisation policies that these roots keep to (no service-account keys, no public bucket, no public address on virtual machines or databases). Needs roles/orgpolicy.policyAdmin."
  type        = bool
  default     = false
  nullable    = false
}

variable "project_id" {
  description = "The Google Cloud project, which exists and has a billing account."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "A project ID has 6 to 30 small letters, digits and hyphens, begins with a letter and does not end with a hyphen."
  }
}

variable "region" {
  description = "The region of everything that is not global. It cannot be changed later without a move."
  type        = string
  default     = "europe-west4"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "A region looks like europe-west4, without the zone's letter."
  }
}
