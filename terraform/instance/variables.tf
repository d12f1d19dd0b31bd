variable "bucket" {
  description = "How long what was deleted or replaced can be brought back: `noncurrent_days` as an older version, then `soft_delete_days` more."
  type = object({
    noncurrent_days  = optional(number, 30)
    soft_delete_days = optional(number, 14)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.bucket.noncurrent_days >= 1
    error_message = "bucket.noncurrent_days is at least 1: without older versions a faulty release could destroy uploads."
  }
  validation {
    condition     = var.bucket.soft_delete_days >= 7 && var.bucket.soft_delete_days <= 90
    error_message = "bucket.soft_delete_days lies between 7 and 90, the bounds of Cloud Storage."
  }
}

variable "dagster_users" {
  description = "Who may open this instance's Dagster in the browser, as IAM members: user:…, group:… or domain:…. Dagster has no login of its own; Google's (IAP) stands before it."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for member in var.dagster_users : can(regex("^((user|group):[^@\\s]+@[^@\\s]+|domain:[^@\\s]+)$", member))])
    error_message = "Each of dagster_users is user:ADDRESS, group:ADDRESS or domain:NAME; everyone (allUsers) is not possible."
  }
}

variable "name" {
  description = "The instance's name, for example production. It is part of every name, of the host and of the state's address; it cannot be changed."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,18}[a-z0-9])?$", var.name))
    error_message = "An instance's name has 1 to 20 small letters, digits and hyphens, begins with a letter and does not end with a hyphen."
  }
  validation {
    condition     = !endswith(var.name, "-dagster")
    error_message = "An instance's name does not end with -dagster: NAME-dagster is the host of NAME's Dagster."
  }
  validation {
    condition     = var.name != "backups"
    error_message = "An instance cannot be named backups: its bucket would be the bucket of all backups."
  }
}

variable "platform" {
  description = "The output `platform` of the platform root: TF_VAR_platform=\"$(terraform -chdir=../platform output -json platform)\"."
  type = object({
    project_id     = string
    project_number = string
    region         = string
    labels         = map(string)
    domain         = string
    cluster        = object({ name = string, location = string, dns_endpoint = string, principal_prefix = string })
    gateway        = object({ name = string, namespace = string, address = string })
    database       = object({ instance = string, host = string, port = number, ca_certificate = string })
    registries     = object({ docker = string, python = string, pypi = string })
    backups_bucket = string
    kms_keys       = object({ storage = optional(string), pubsub = optional(string), secrets = optional(string) })

    deletion_protection   = bool
    notification_channels = list(string)
  })
  nullable = false
}

variable "restore_from" {
  description = "The instance whose backup is being restored here, this one or another: lets the backup job read that folder and write into this bucket. Null when the restore is done."
  type        = string
  default     = null

  validation {
    condition     = var.restore_from == null || can(regex("^[a-z]([a-z0-9-]{0,18}[a-z0-9])?$", var.restore_from))
    error_message = "restore_from is the name of an instance, as in production."
  }
}

variable "secret_versions" {
  description = "Raise a number by one to replace that secret with a new random one."
  type = object({
    database_password = optional(number, 1)
    ui_cookie         = optional(number, 1)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for version in values(var.secret_versions) : version >= 1 && floor(version) == version])
    error_message = "The versions of secrets are whole numbers from 1."
  }
}

variable "uptime_check" {
  description = "Open the instance's health page from several continents every five minutes and alert when it does not answer. Off for instances that sleep."
  type        = bool
  default     = true
  nullable    = false
}
